/** A text in which what stands between backticks is code, and `[words](/address)` a link. */
export function Prose({ text }: { text: string }) {
  return (
    <>
      {text.split(/(`[^`]+`|\[[^\]]+\]\([^)]+\))/).map((part, index) => {
        if (index % 2 === 0) return part;
        const [, words, address] = /^\[(.+)\]\((.+)\)$/.exec(part) ?? [];
        if (address) return <a href={address}>{words}</a>;
        return (
          <code key={part} translate={false}>
            {part.slice(1, -1)}
          </code>
        );
      })}
    </>
  );
}
