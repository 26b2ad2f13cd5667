import { useState } from "preact/hooks";
import { span } from "../text/time.ts";
import { figure } from "./chart.tsx";
import { flatten, type Node, rates, tree } from "./sampling.ts";

const SHOWN = 50;

/** The live tree: every supervisor and actor, what waits for it, how fast it works, how it has fared. */
export function Actors() {
  const [filter, setFilter] = useState("");
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const root = tree.value;
  if (!root) return <div class="waiting" aria-busy="true" />;
  const toggle = (path: string) => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  const rows = filter
    ? flatten(root)
        .filter((node) => `${node.path} ${node.state}`.toLowerCase().includes(filter.toLowerCase()))
        .slice(0, SHOWN)
        .map((node) => ({ node, level: 0 }))
    : visible(root, open, 0);
  return (
    <>
      <input
        class="search-field"
        type="search"
        aria-label="Filter by path or state"
        placeholder="Filter by path or state"
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      <section class="scrolling" tabIndex={0} aria-label="Actors">
        <table class="tree">
          <thead>
            <tr>
              <th scope="col">Actor</th>
              <th scope="col">State</th>
              <th scope="col" class="number-head">
                Mailbox
              </th>
              <th scope="col" class="number-head">
                Rate
              </th>
              <th scope="col" class="number-head">
                Handled
              </th>
              <th scope="col" class="number-head">
                Restarts
              </th>
              <th scope="col">At</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ node, level }) => (
              <Row
                key={node.path}
                node={node}
                level={level}
                whole={Boolean(filter)}
                open={isOpen(node, open, level)}
                onToggle={toggle}
              />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function isOpen(node: Node, open: ReadonlySet<string>, level: number): boolean {
  return level === 0 || open.has(node.path);
}

function visible(node: Node, open: ReadonlySet<string>, level: number): { node: Node; level: number }[] {
  const children = isOpen(node, open, level) ? node.children.slice(0, SHOWN * 4) : [];
  return [{ node, level }, ...children.flatMap((child) => visible(child, open, level + 1))];
}

interface RowProps {
  node: Node;
  level: number;
  whole: boolean;
  open: boolean;
  onToggle: (path: string) => void;
}

function Row({ node, level, whole, open, onToggle }: RowProps) {
  const name = whole ? node.path : node.path.slice(node.path.lastIndexOf("/") + 1) || node.path;
  const full = node.capacity ? node.depth / node.capacity : 0;
  return (
    <tr class={node.state === "running" || node.state === "idle" ? "" : "tree-unwell"}>
      <th scope="row" style={{ paddingInlineStart: `${0.5 + level * 1.25}rem` }}>
        {node.children.length && !whole && level > 0 ? (
          <button type="button" class="fold" aria-expanded={open} onClick={() => onToggle(node.path)}>
            {name} <small>{node.children.length}</small>
          </button>
        ) : (
          <code>{name}</code>
        )}
      </th>
      <td>
        {node.state}
        {node.generation > 1 && <small> · generation {node.generation}</small>}
      </td>
      <td class="number">
        {node.depth}
        {full > 0.5 && <small> of {node.capacity}</small>}
        {node.oldest_for !== null && node.oldest_for > 0.1 && <small> · {node.oldest_for.toFixed(1)} s</small>}
      </td>
      <td class="number">{figure(rates.value.get(node.path) ?? 0)}/s</td>
      <td class="number">{figure(node.handled)}</td>
      <td class="number" title={node.last_exit ?? undefined}>
        {node.restarts}
      </td>
      <td>
        {node.current ? (
          `${node.current}${node.current_for ? ` for ${span(node.current_for)}` : ""}`
        ) : node.last_exit ? (
          <small>{node.last_exit}</small>
        ) : (
          ""
        )}
      </td>
    </tr>
  );
}
