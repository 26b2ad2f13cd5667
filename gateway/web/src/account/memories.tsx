import { useEffect, useRef, useState } from "preact/hooks";
import { all, patch, path, remove } from "../api/http.ts";
import type { OwnMemory, Participant } from "../api/types.ts";
import { conversations, nameOf, rooms } from "../chat/inbox.ts";
import { t } from "../i18n/index.ts";
import { moment } from "../text/time.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { attempt, toast } from "../ui/toast.tsx";

const LONGEST = 1000;

/** What agents remember of one, with the means to correct it and to have it forgotten. */
export function Memories() {
  const [memories, setMemories] = useState<OwnMemory[] | null>(null);
  const [leaving, setLeaving] = useState<Participant | null>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const load = () => all<OwnMemory>("/me/memories").then(setMemories, () => undefined);
  useEffect(() => {
    void load().then(() => {
      if (location.hash === "#memories") title.current?.scrollIntoView();
    });
  }, []);
  const forget = (address: string) =>
    attempt(async () => {
      await remove(address);
      await load();
      title.current?.focus(); // the button that had the focus is gone
      toast(t("memory_forgotten"));
    });
  return (
    <section class="panel" id="memories">
      <h2 ref={title} tabIndex={-1}>
        {t("memories")}
      </h2>
      <p class="field-hint">{t("memories_hint")}</p>
      {memories?.length === 0 && <p>{t("memories_none")}</p>}
      {byAgent(memories ?? []).map(([agent, known]) => (
        <section key={agent.id} class="remembering" aria-labelledby={`memories-${agent.id}`}>
          <header>
            <h3 id={`memories-${agent.id}`} dir="auto">
              {agent.name}
            </h3>
            <button
              type="button"
              class="button small"
              aria-label={`${t("memory_forget_all")}: ${agent.name}`}
              onClick={() => setLeaving(agent)}
            >
              {t("memory_forget_all")}
            </button>
          </header>
          <ul class="list">
            {known.map((each) => (
              <Remembered
                key={each.id}
                memory={each}
                onChange={load}
                onForget={() => forget(path`/agents/${agent.id}/memories/${each.id}`)}
              />
            ))}
          </ul>
        </section>
      ))}
      {leaving && (
        <Dialog title={t("memory_forget_all")} onClose={() => setLeaving(null)}>
          <p>{t("memory_forget_all_sure", { name: leaving.name })}</p>
          <div class="buttons">
            <button type="button" class="button" onClick={() => setLeaving(null)}>
              {t("cancel")}
            </button>
            <button
              type="button"
              class="button danger"
              autofocus
              onClick={() => {
                setLeaving(null);
                void forget(path`/me/memories?agent_id=${leaving.id}`);
              }}
            >
              {t("memory_forget_all")}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

function Remembered({
  memory,
  onChange,
  onForget,
}: {
  memory: OwnMemory;
  onChange: () => Promise<unknown>;
  onForget: () => void;
}) {
  const [correcting, setCorrecting] = useState(false);
  const edit = useRef<HTMLButtonElement>(null);
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current && !correcting) edit.current?.focus();
    begun.current = correcting;
  }, [correcting]);
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    await patch(path`/agents/${memory.agent_id}/memories/${memory.id}`, { text: String(data.get("text")).trim() });
    await onChange();
    setCorrecting(false);
    toast(t("saved"));
  });
  if (correcting) {
    return (
      <li>
        <form class="form" onSubmit={onSubmit}>
          <FormFailure failure={failure} />
          <Field label={t("memory_text")} error={failure?.fields.text}>
            {(tied) => (
              <textarea {...tied} name="text" rows={3} maxLength={LONGEST} required autofocus dir="auto">
                {memory.text}
              </textarea>
            )}
          </Field>
          <div class="buttons">
            <button type="button" class="button" onClick={() => setCorrecting(false)}>
              {t("cancel")}
            </button>
            <button type="submit" class="button primary" disabled={busy}>
              {t("save")}
            </button>
          </div>
        </form>
      </li>
    );
  }
  return (
    <li>
      <span>
        <span class="memory-text" dir="auto">
          {memory.text}
        </span>
        <br />
        <span class="field-hint">{whence(memory)}</span>
      </span>
      <span class="buttons">
        <button
          ref={edit}
          type="button"
          class="button small"
          aria-label={`${t("memory_correct")}: ${memory.text}`}
          onClick={() => setCorrecting(true)}
        >
          {t("memory_correct")}
        </button>
        <button
          type="button"
          class="button small"
          aria-label={`${t("memory_forget")}: ${memory.text}`}
          onClick={onForget}
        >
          {t("memory_forget")}
        </button>
      </span>
    </li>
  );
}

function whence(memory: OwnMemory): string {
  const when = moment(memory.updated_at);
  const where = memory.timeline_id;
  if (!where) return t("memory_private", { when });
  const conversation = conversations.value.get(where);
  const place = rooms.value.get(where)?.name ?? (conversation && nameOf(conversation));
  return t("memory_learned", { place: place ?? t("memory_elsewhere"), when });
}

/** The agents in the order of what they have learned last. */
function byAgent(memories: readonly OwnMemory[]): [Participant, OwnMemory[]][] {
  const groups = new Map<string, [Participant, OwnMemory[]]>();
  for (const each of memories) {
    const group = groups.get(each.agent_id);
    if (group) group[1].push(each);
    else groups.set(each.agent_id, [each.agent, [each]]);
  }
  return [...groups.values()];
}
