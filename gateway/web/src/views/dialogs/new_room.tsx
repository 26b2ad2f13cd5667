import { post } from "../../api/http.ts";
import type { Room } from "../../api/types.ts";
import { putRoom } from "../../chat/inbox.ts";
import { readerLanguage, t } from "../../i18n/index.ts";
import { go } from "../../router.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, FormFailure, useSubmit } from "../../ui/form.tsx";
import { LanguageSelect } from "../../ui/language_select.tsx";

export function NewRoom({ onClose }: { onClose: () => void }) {
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const room = await post<Room>("/rooms", {
      name: String(data.get("name")).trim(),
      description: String(data.get("description")).trim(),
      visibility: data.get("private") ? "private" : "public",
      language: data.get("language") || null,
    });
    putRoom(room, { mine: true });
    onClose();
    go(`/rooms/${room.id}`);
  });
  return (
    <Dialog title={t("new_room")} onClose={onClose}>
      <form class="form" onSubmit={onSubmit}>
        <FormFailure failure={failure} />
        <Field label={t("room_name")} error={failure?.fields.name}>
          {(tied) => <input {...tied} name="name" maxLength={80} required autofocus dir="auto" />}
        </Field>
        <Field label={t("description")} hint={t("description_hint")} error={failure?.fields.description}>
          {(tied) => <textarea {...tied} name="description" maxLength={1000} rows={2} dir="auto" />}
        </Field>
        <Field label={t("main_language")} error={failure?.fields.language}>
          {(tied) => <LanguageSelect {...tied} name="language" value={readerLanguage()} empty={t("any_language")} />}
        </Field>
        <label class="check">
          <input type="checkbox" name="private" />
          <span>
            <strong>{t("private_room")}</strong>
            <br />
            {t("private_room_hint")}
          </span>
        </label>
        <div class="buttons">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            {t("create_room")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
