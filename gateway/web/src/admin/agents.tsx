import { useEffect, useState } from "preact/hooks";
import { get, patch, path, post, remove } from "../api/http.ts";
import type { Agent, Page } from "../api/types.ts";
import { t as common } from "../i18n/index.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { LanguageSelect } from "../ui/language_select.tsx";
import { attempt } from "../ui/toast.tsx";
import { Documents } from "./documents.tsx";
import { named, t } from "./i18n/index.ts";

const POLICIES = ["never", "mention", "question", "smart", "probability", "always"];
/** Knows the room's own history, and nothing else. */
const ARCHIVIST = "archivist";

/** The agents of this server: who they are, what speaks for them, and when. */
export function Agents() {
  const [agents, setAgents] = useState<Agent[] | null>(null);
  const [edited, setEdited] = useState<Agent | "new" | null>(null);
  const [reader, setReader] = useState<Agent | null>(null);
  const load = () =>
    get<Page<Agent>>("/agents?limit=100").then(
      (page) => setAgents(page.items),
      () => setAgents([]),
    );
  useEffect(() => {
    void load();
  }, []);
  const close = () => {
    setEdited(null);
    void load();
  };
  return (
    <>
      <div class="tools-line">
        <button type="button" class="button primary" onClick={() => setEdited("new")}>
          {t("new_agent")}
        </button>
      </div>
      {agents && !agents.length && <p class="empty">{t("no_agents")}</p>}
      <ul class="cards" aria-busy={!agents}>
        {agents?.map((agent) => (
          <li key={agent.id} class="card">
            <Avatar who={{ id: agent.id, kind: "agent", name: agent.name }} size={36} />
            <div>
              <h2>{agent.display_name ?? agent.name}</h2>
              <p>{agent.persona}</p>
              <p class="card-facts">
                <code>{agent.model}</code> · {t("in_rooms", { when: spoken(agent.room_policy) })} ·{" "}
                {t("in_conversations", { when: spoken(agent.conversation_policy) })}
              </p>
            </div>
            {agent.model !== ARCHIVIST && (
              <button
                type="button"
                class="button"
                aria-label={t("documents_of", { name: agent.name })}
                onClick={() => setReader(agent)}
              >
                {t("documents")}
              </button>
            )}
            <button
              type="button"
              class="button"
              aria-label={t("edit_named", { name: agent.name })}
              onClick={() => setEdited(agent)}
            >
              {t("edit")}
            </button>
            <button
              type="button"
              class="button danger"
              aria-label={t("remove_named", { name: agent.name })}
              onClick={() => attempt(async () => remove(path`/agents/${agent.id}`).then(load))}
            >
              {t("remove")}
            </button>
          </li>
        ))}
      </ul>
      {edited && <AgentForm agent={edited === "new" ? null : edited} onClose={close} />}
      {reader && <Documents agent={reader} onClose={() => setReader(null)} />}
    </>
  );
}

/** When it speaks, in words. */
function spoken(policy = ""): string {
  return named("policy", policy) ?? policy;
}

function AgentForm({ agent, onClose }: { agent: Agent | null; onClose: () => void }) {
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const number = (name: string) => (text(name) ? Number(text(name)) : null);
    const body = {
      name: text("name"),
      display_name: text("display_name") || null,
      persona: text("persona"),
      model: text("model"),
      temperature: number("temperature"),
      room_policy: text("room_policy"),
      conversation_policy: text("conversation_policy"),
      cooldown_seconds: number("cooldown_seconds") ?? 0,
      language: text("language") || null,
      daily_answers: number("daily_answers"),
    };
    if (agent) await patch(path`/agents/${agent.id}`, body);
    else await post("/agents", body);
    onClose();
  });
  const { fields = {} } = failure ?? {};
  const policy = (name: "room_policy" | "conversation_policy", label: string, otherwise: string) => (
    <Field label={label} error={fields[name]}>
      {(tied) => (
        <select {...tied} name={name}>
          {POLICIES.map((each) => (
            <option key={each} value={each} selected={each === (agent?.[name] ?? otherwise)}>
              {spoken(each)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
  return (
    <Dialog title={agent ? (agent.display_name ?? agent.name) : t("new_agent")} onClose={onClose} wide>
      <form class="form" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <div class="form-columns">
          <Field label={t("name_mentioned")} error={fields.name}>
            {(tied) => (
              <input {...tied} name="name" defaultValue={agent?.name ?? ""} maxLength={64} required autofocus />
            )}
          </Field>
          <Field label={t("name_shown")} error={fields.display_name}>
            {(tied) => <input {...tied} name="display_name" defaultValue={agent?.display_name ?? ""} maxLength={64} />}
          </Field>
        </div>
        <Field label={t("persona")} hint={t("persona_hint")} error={fields.persona}>
          {(tied) => (
            <textarea {...tied} name="persona" rows={4} maxLength={20000} defaultValue={agent?.persona ?? ""} />
          )}
        </Field>
        <div class="form-columns">
          <Field label={t("model")} hint={t("model_hint")} error={fields.model}>
            {(tied) => <input {...tied} name="model" defaultValue={agent?.model ?? ARCHIVIST} required />}
          </Field>
          <Field label={t("temperature")} error={fields.temperature}>
            {(tied) => (
              <input
                {...tied}
                name="temperature"
                type="number"
                step="0.1"
                min={0}
                max={2}
                defaultValue={agent?.temperature ?? ""}
              />
            )}
          </Field>
          {policy("room_policy", t("speaks_in_rooms"), "mention")}
          {policy("conversation_policy", t("speaks_in_conversations"), "always")}
          <Field label={t("language")} error={fields.language}>
            {(tied) => (
              <LanguageSelect {...tied} name="language" value={agent?.language ?? ""} empty={common("any_language")} />
            )}
          </Field>
          <Field label={t("seconds_between")} error={fields.cooldown_seconds}>
            {(tied) => (
              <input
                {...tied}
                name="cooldown_seconds"
                type="number"
                min={0}
                defaultValue={agent?.cooldown_seconds ?? 0}
              />
            )}
          </Field>
          <Field label={t("answers_a_day")} hint={t("answers_a_day_hint")} error={fields.daily_answers}>
            {(tied) => (
              <input {...tied} name="daily_answers" type="number" min={0} defaultValue={agent?.daily_answers ?? ""} />
            )}
          </Field>
        </div>
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {common("cancel")}
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            {common("save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
