import { patch, path } from "../../api/http.ts";
import type { Conversation } from "../../api/types.ts";
import { putConversation } from "../../chat/inbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Field, FormFailure, useSubmit } from "../../ui/form.tsx";
import { attempt, toast } from "../../ui/toast.tsx";

/** A group's title, and putting a conversation away. */
export function ConversationSettings({ timeline }: { timeline: Timeline }) {
  const conversation = timeline.conversation.value;
  const change = async (changes: { title?: string | null; archived?: boolean }) => {
    putConversation(await patch<Conversation>(path`/conversations/${timeline.id}`, changes));
  };
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    await change({ title: String(data.get("title")).trim() || null });
    toast(t("saved"));
  });
  if (!conversation) return null;
  return (
    <form class="form details-part" onSubmit={onSubmit}>
      <FormFailure failure={failure} />
      {conversation.kind === "group" && (
        <>
          <Field label={t("title")} error={failure?.fields.title}>
            {(tied) => (
              <input {...tied} name="title" defaultValue={conversation.title ?? ""} maxLength={120} dir="auto" />
            )}
          </Field>
          <button type="submit" class="button primary" disabled={busy}>
            {t("save")}
          </button>
        </>
      )}
      <button
        type="button"
        class="button"
        onClick={() => attempt(() => change({ archived: !conversation.archived_at }))}
      >
        {conversation.archived_at ? t("reopen_conversation") : t("archive_conversation")}
      </button>
    </form>
  );
}
