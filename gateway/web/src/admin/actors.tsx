import { useState } from "preact/hooks";
import { span } from "../text/time.ts";
import { figure } from "./chart.tsx";
import { named, t } from "./i18n/index.ts";
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
        .filter((node) =>
          `${node.path} ${node.state} ${named("state", node.state)}`.toLowerCase().includes(filter.toLowerCase()),
        )
        .slice(0, SHOWN)
        .map((node) => ({ node, level: 0 }))
    : visible(root, open, 0);
  return (
    <>
      <input
        class="search-field"
        type="search"
        aria-label={t("filter")}
        placeholder={t("filter")}
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      <section class="scrolling" tabIndex={0} aria-label={t("actors")}>
        <table class="tree">
          <thead>
            <tr>
              <th scope="col">{t("actor")}</th>
              <th scope="col">{t("state")}</th>
              <th scope="col" class="number-head">
                {t("mailbox")}
              </th>
              <th scope="col" class="number-head">
                {t("rate")}
              </th>
              <th scope="col" class="number-head">
                {t("handled")}
              </th>
              <th scope="col" class="number-head">
                {t("restarts")}
              </th>
              <th scope="col">{t("at_work_on")}</th>
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
        {named("state", node.state) ?? node.state}
        {node.generation > 1 && <small> · {t("generation", { count: node.generation })}</small>}
      </td>
      <td class="number">
        {node.depth}
        {full > 0.5 && <small> {t("of_capacity", { count: figure(node.capacity ?? 0) })}</small>}
        {node.oldest_for !== null && node.oldest_for > 0.1 && (
          <small> · {t("waits_for", { seconds: figure(node.oldest_for) })}</small>
        )}
      </td>
      <td class="number">{t("a_second", { count: figure(rates.value.get(node.path) ?? 0) })}</td>
      <td class="number">{figure(node.handled)}</td>
      <td class="number" title={node.last_exit ?? undefined}>
        {node.restarts}
      </td>
      <td>
        {node.current ? (
          t("at_for", { message: node.current, span: span(node.current_for ?? 0) })
        ) : node.last_exit ? (
          <small>{node.last_exit}</small>
        ) : (
          ""
        )}
      </td>
    </tr>
  );
}
