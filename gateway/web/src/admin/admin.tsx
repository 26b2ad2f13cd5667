import { place } from "../router.ts";
import { SidebarButton } from "../views/shell.tsx";
import { Activity } from "./activity.tsx";
import { Actors } from "./actors.tsx";
import { Agents } from "./agents.tsx";
import { t } from "./i18n/index.ts";
import { Overview } from "./overview.tsx";
import { Pool } from "./pool.tsx";
import { keepSampling } from "./sampling.ts";
import { Users } from "./users.tsx";
import "../styles/admin.css";

const PAGES = ["overview", "actors", "activity", "users", "agents", "translation", "models"] as const;

/** The operator's pages. They show what the administration's part of the interface answers, every two seconds. */
export function Admin({ page }: { page: string }) {
  keepSampling();
  return (
    <div class="page admin">
      <header class="page-head">
        <SidebarButton />
        <h1>{t("title")}</h1>
      </header>
      <nav class="subnav" aria-label={t("title")}>
        {PAGES.map((name) => (
          <a
            key={name}
            href={`/admin/${name}`}
            aria-current={(place.value.parts[1] ?? "overview") === name ? "page" : undefined}
          >
            {t(name)}
          </a>
        ))}
      </nav>
      <Page page={page} />
    </div>
  );
}

function Page({ page }: { page: string }) {
  switch (page) {
    case "actors":
      return <Actors />;
    case "activity":
      return <Activity />;
    case "users":
      return <Users />;
    case "agents":
      return <Agents />;
    case "translation":
      return <Pool key={page} title={t(page)} address="/admin/translation" pool="translators" />;
    case "models":
      return <Pool key={page} title={t(page)} address="/admin/models" pool="models" />;
    default:
      return <Overview />;
  }
}
