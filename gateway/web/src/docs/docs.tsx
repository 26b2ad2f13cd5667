export function Docs({ page }: { page: string }) {
  return <div>{page}</div>;
}
