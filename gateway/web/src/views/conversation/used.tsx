import { useState } from "preact/hooks";
import { get, path } from "../../api/http.ts";
import { me } from "../../api/session.ts";
import type { Id, Memory, MemoryUsed } from "../../api/types.ts";
import type { Used } from "../../chat/answers.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t, tn } from "../../i18n/index.ts";
import { Icon } from "../../ui/icon.tsx";
import { attempt } from "../../ui/toast.tsx";

/** What an agent has made use of for an answer: its tools, and what it remembers. */
export function UsedRow({ used, agent, timeline }: { used: Used; agent: Id; timeline: Timeline }) {
  const { tools, memories } = used;
  return (
    <>
      {tools.size > 0 && (
        <ul class="used" aria-label={t("tools_used")}>
          {[...tools].map(([name, state]) => (
            <li key={name} class={`used-${state}`}>
              <Icon name="settings" size={12} /> {name.replaceAll("_", " ")}
            </li>
          ))}
        </ul>
      )}
      {memories.length > 0 && <Memories used={memories} agent={agent} timeline={timeline} />}
    </>
  );
}

/** What the memories say is asked for when somebody wants to see it; those who may not read one see whom it is about. */
function Memories({ used, agent, timeline }: { used: readonly MemoryUsed[]; agent: Id; timeline: Timeline }) {
  const [texts, setTexts] = useState<ReadonlyMap<Id, string> | null>(null);
  const mine = used.filter((each) => each.about === me.value?.id);
  const show = () =>
    attempt(async () => {
      const read = (id: Id) => get<Memory>(path`/agents/${agent}/memories/${id}`).catch(() => null); // forgotten since
      const found = await Promise.all(mine.map((each) => read(each.id)));
      setTexts(new Map(found.flatMap((each) => (each ? [[each.id, each.text]] : []))));
    });
  const about = (each: MemoryUsed) => {
    if (each.about === null) return t("memory_of_place");
    if (each.about === me.value?.id) return texts?.get(each.id) ?? t("memory_gone");
    return t("memory_of", { name: timeline.members.value.get(each.about)?.participant.name ?? "…" });
  };
  return (
    <>
      <p class="used">
        <button
          type="button"
          class="used-memories"
          aria-expanded={texts !== null}
          onClick={() => (texts ? setTexts(null) : show())}
        >
          <Icon name="memory" size={12} /> {tn("memories_used", used.length)}
        </button>
      </p>
      {texts && (
        <ul class="remembered">
          {used.map((each) => (
            <li key={each.id} dir="auto">
              {about(each)}
            </li>
          ))}
          {mine.length > 0 && (
            <li>
              <a href="/account#memories">{t("memories_manage")}</a>
            </li>
          )}
        </ul>
      )}
    </>
  );
}
