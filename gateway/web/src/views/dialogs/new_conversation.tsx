import { useState } from "preact/hooks";
import { post } from "../../api/http.ts";
import type { Conversation, PublicUser } from "../../api/types.ts";
import { putConversation } from "../../chat/inbox.ts";
import { t } from "../../i18n/index.ts";
import { go } from "../../router.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormFailure, useSubmit } from "../../ui/form.tsx";
import { PeoplePicker } from "../people_picker.tsx";

/** One other: in private. Several: a group, which may have a title. */
export function NewConversation({ onClose }: { onClose: () => void }) {
  const [people, setPeople] = useState<PublicUser[]>([]);
  const group = people.length > 1;
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    if (!people.length) return;
    const conversation = await post<Conversation>("/conversations", {
      kind: group ? "group" : "private",
      participants: people.map((each) => each.id),
      ...(group && data.get("title") ? { title: String(data.get("title")).trim() } : {}),
    });
    putConversation(conversation);
    onClose();
    go(`/conversations/${conversation.id}`);
  });
  return (
    <Dialog title={t("new_conversation")} onClose={onClose}>
      <form class="form" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <PeoplePicker chosen={people} onChange={setPeople} />
        {group && (
          <Field label={t("title")} hint={t("title_hint")} error={failure?.fields.title}>
            {(tied) => <input {...tied} name="title" maxLength={120} dir="auto" />}
          </Field>
        )}
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button primary" disabled={busy || !people.length}>
            {group ? t("start_group") : t("start_conversation")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
