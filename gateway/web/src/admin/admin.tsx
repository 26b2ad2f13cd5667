import { place } from "../router.ts";
import { SidebarButton } from "../views/shell.tsx";
import { Activity } from "./activity.tsx";
import { Actors } from "./actors.tsx";
import { Agents } from "./agents.tsx";
import { Overview } from "./overview.tsx";
import { Pool } from "./pool.tsx";
import { keepSampling } from "./sampling.ts";
import { Users } from "./users.tsx";
import "../styles/admin.css";

const PAGES = {
  overview: "Overview",
  actors: "Actors",
  activity: "Activity",
  users: "People",
  agents: "Agents",
  translation: "Translation",
  models: "Models",
};

/** The operator's pages. They show what the administration's part of the interface answers, every two seconds. */
export function Admin({ page }: { page: string }) {
  keepSampling();
  return (
    <div class="page admin">
      <header class="page-head">
        <SidebarButton />
        <h1>Administration</h1>
      </header>
      <nav class="subnav" aria-label="Administration">
        {Object.entries(PAGES).map(([name, title]) => (
          <a
            key={name}
            href={`/admin/${name}`}
            aria-current={(place.value.parts[1] ?? "overview") === name ? "page" : undefined}
          >
            {title}
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
      return <Pool key={page} title="Translation" address="/admin/translation" pool="translators" />;
    case "models":
      return <Pool key={page} title="Models" address="/admin/models" pool="models" />;
    default:
      return <Overview />;
  }
}
