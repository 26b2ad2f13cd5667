import { useEffect } from "preact/hooks";
import { InterfaceLanguage } from "../views/sign_in.tsx";
import { Agents } from "./agents.tsx";
import { Benchmarks } from "./benchmarks.tsx";
import { t } from "./i18n/index.ts";
import { Realtime } from "./realtime.tsx";
import { Reference } from "./reference.tsx";
import { Start } from "./start.tsx";
import "../styles/docs.css";

const PAGES = { start: Start, reference: Reference, realtime: Realtime, agents: Agents, benchmarks: Benchmarks };

/** The pages for developers: how to begin, and everything that can be asked for. */
export function Docs({ page }: { page: string }) {
  const name = page in PAGES ? (page as keyof typeof PAGES) : "start";
  const Shown = PAGES[name];
  const title = t(name);
  useEffect(() => {
    document.title = `${title} · Gathering`;
  }, [title]);
  return (
    <div class="docs">
      <header class="docs-head">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="26" height="26" /> Gathering
        </a>
        <nav class="subnav" aria-label={t("navigation")}>
          {(Object.keys(PAGES) as (keyof typeof PAGES)[]).map((each) => (
            <a key={each} href={`/docs/${each}`} aria-current={each === name ? "page" : undefined}>
              {t(each)}
            </a>
          ))}
        </nav>
        <InterfaceLanguage />
      </header>
      <main class="docs-main">
        <h1>{title}</h1>
        <Shown />
      </main>
    </div>
  );
}
