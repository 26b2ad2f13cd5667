import { useEffect } from "preact/hooks";
import { Agents } from "./agents.tsx";
import { Benchmarks } from "./benchmarks.tsx";
import { Realtime } from "./realtime.tsx";
import { Reference } from "./reference.tsx";
import { Start } from "./start.tsx";
import "../styles/docs.css";

const PAGES = {
  start: { title: "Quick start", Shown: Start },
  reference: { title: "HTTP interface", Shown: Reference },
  realtime: { title: "Realtime", Shown: Realtime },
  agents: { title: "Agents", Shown: Agents },
  benchmarks: { title: "Benchmarks", Shown: Benchmarks },
};

/** The pages for developers: how to begin, and everything that can be asked for. */
export function Docs({ page }: { page: string }) {
  const name = page in PAGES ? (page as keyof typeof PAGES) : "start";
  const { title, Shown } = PAGES[name];
  useEffect(() => {
    document.title = `${title} · Gathering`;
  }, [title]);
  return (
    <div class="docs">
      <header class="docs-head">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="26" height="26" /> Gathering
        </a>
        <nav class="subnav" aria-label="Documentation">
          {Object.entries(PAGES).map(([each, { title: name_ }]) => (
            <a key={each} href={`/docs/${each}`} aria-current={each === name ? "page" : undefined}>
              {name_}
            </a>
          ))}
        </nav>
      </header>
      <main class="docs-main">
        <h1>{title}</h1>
        <Shown />
      </main>
    </div>
  );
}
