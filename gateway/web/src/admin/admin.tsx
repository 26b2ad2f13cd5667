export function Admin({ page }: { page: string }) {
  return <div>{page}</div>;
}
