import { useState } from "preact/hooks";

const SHOWN = 1500;

/** A piece of code, to be copied. `$ORIGIN` and `$HOST` in it stand for this server. */
export function Code({ children, label }: { children: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const code = children.replaceAll("$ORIGIN", location.origin).replaceAll("$HOST", location.host).trim();
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN);
  };
  return (
    <figure class="code">
      <figcaption>
        {label}
        <button type="button" class="link" onClick={copy}>
          {copied ? "Copied" : "Copy"}
        </button>
      </figcaption>
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </figure>
  );
}
