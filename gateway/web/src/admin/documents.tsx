import { useEffect, useRef, useState } from "preact/hooks";
import { all, path, post, remove } from "../api/http.ts";
import type { Agent, AgentDocument } from "../api/types.ts";
import { moment } from "../text/time.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Field, FormFailure, useSubmit } from "../ui/form.tsx";
import { attempt } from "../ui/toast.tsx";
import { t, tn } from "./i18n/index.ts";

/** What an agent was given to read: to add to it, and to take it away. */
export function Documents({ agent, onClose }: { agent: Agent; onClose: () => void }) {
  const [documents, setDocuments] = useState<AgentDocument[] | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const address = path`/agents/${agent.id}/documents`;
  const load = () => all<AgentDocument>(address).then(setDocuments, () => setDocuments([]));
  useEffect(() => {
    void load();
  }, []);
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    await post(address, data);
    form.current?.reset();
    await load();
  });
  const forget = (document: AgentDocument) =>
    attempt(async () => {
      await remove(path`/agents/${agent.id}/documents/${document.id}`);
      await load();
      form.current?.querySelector<HTMLElement>("input")?.focus(); // the button that had the focus is gone
    });
  return (
    <Dialog title={t("documents_of", { name: agent.display_name ?? agent.name })} onClose={onClose} wide>
      <p class="field-hint">{t("documents_hint")}</p>
      {documents?.length === 0 && <p>{t("no_documents")}</p>}
      <ul class="list" aria-busy={!documents}>
        {documents?.map((each) => (
          <li key={each.id}>
            <span>
              <span dir="auto">{each.name}</span>
              <br />
              <span class="field-hint">{tn("document_facts", each.characters, { when: moment(each.created_at) })}</span>
            </span>
            <button
              type="button"
              class="button small"
              aria-label={t("remove_named", { name: each.name })}
              onClick={() => forget(each)}
            >
              {t("remove")}
            </button>
          </li>
        ))}
      </ul>
      <form ref={form} class="form" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <Field label={t("file")} hint={t("file_hint")} error={failure?.fields.file}>
          {(tied) => <input {...tied} name="file" type="file" accept=".txt,.md,.markdown,.pdf" required autofocus />}
        </Field>
        <div class="buttons">
          <button type="submit" class="button primary" disabled={busy}>
            {t(busy ? "being_read" : "give_to_read")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
