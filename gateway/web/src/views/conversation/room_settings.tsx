import { patch, path } from "../../api/http.ts";
import { me } from "../../api/session.ts";
import type { Room } from "../../api/types.ts";
import { putRoom } from "../../chat/inbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Field, FormFailure, useSubmit } from "../../ui/form.tsx";
import { LanguageSelect } from "../../ui/language_select.tsx";
import { attempt, toast } from "../../ui/toast.tsx";

/** A room's settings: to be changed by its owner, read by everyone. */
export function RoomSettings({ timeline }: { timeline: Timeline }) {
  const room = timeline.room.value;
  const { busy, failure, onSubmit } = useSubmit(async (data) => {
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const changed = await patch<Room>(path`/rooms/${timeline.id}`, {
      name: text("name"),
      description: text("description"),
      visibility: text("visibility"),
      language: text("language") || null,
      capacity: text("capacity") ? Number(text("capacity")) : null,
      slow_mode_seconds: Number(text("slow_mode_seconds") || 0),
      translation: data.get("translation") !== null,
      glossary: text("glossary") || null,
      formality: text("formality") || null,
    });
    putRoom(changed, { mine: true });
    toast(t("saved"));
  });
  if (!room) return null;
  const owner = timeline.myRole === "owner" || me.value?.role === "admin";
  const archive = () =>
    attempt(async () =>
      putRoom(await patch<Room>(path`/rooms/${room.id}`, { archived: !room.archived_at }), { mine: true }),
    );
  const { fields = {} } = failure ?? {};
  return (
    <form class="form details-part" onSubmit={onSubmit}>
      <FormFailure failure={failure} />
      <fieldset disabled={!owner || timeline.archived}>
        <legend class="unseen">{t("tab_settings")}</legend>
        <Field label={t("room_name")} error={fields.name}>
          {(tied) => <input {...tied} name="name" defaultValue={room.name} maxLength={80} required dir="auto" />}
        </Field>
        <Field label={t("description")} error={fields.description}>
          {(tied) => (
            <textarea
              {...tied}
              name="description"
              defaultValue={room.description}
              maxLength={1000}
              rows={2}
              dir="auto"
            />
          )}
        </Field>
        <Field label={t("visibility")} error={fields.visibility}>
          {(tied) => (
            <select {...tied} name="visibility" defaultValue={room.visibility}>
              <option value="public" selected={room.visibility === "public"}>
                {t("visibility_public")}
              </option>
              <option value="private" selected={room.visibility === "private"}>
                {t("visibility_private")}
              </option>
            </select>
          )}
        </Field>
        <Field label={t("main_language")} error={fields.language}>
          {(tied) => <LanguageSelect {...tied} name="language" value={room.language ?? ""} empty={t("any_language")} />}
        </Field>
        <label class="check">
          <input type="checkbox" name="translation" defaultChecked={room.translation} />
          <span>{t("translate_here")}</span>
        </label>
        <Field label={t("glossary")} hint={t("glossary_hint")} error={fields.glossary}>
          {(tied) => <input {...tied} name="glossary" defaultValue={room.glossary ?? ""} maxLength={128} />}
        </Field>
        <Field label={t("formality")} hint={t("formality_hint")} error={fields.formality}>
          {(tied) => <input {...tied} name="formality" defaultValue={room.formality ?? ""} maxLength={128} />}
        </Field>
        <Field label={t("capacity")} hint={t("capacity_hint")} error={fields.capacity}>
          {(tied) => (
            <input {...tied} name="capacity" type="number" min={1} max={100000} defaultValue={room.capacity ?? ""} />
          )}
        </Field>
        <Field label={t("slow_mode")} hint={t("slow_mode_hint")} error={fields.slow_mode_seconds}>
          {(tied) => (
            <input
              {...tied}
              name="slow_mode_seconds"
              type="number"
              min={0}
              max={86400}
              defaultValue={room.slow_mode_seconds}
            />
          )}
        </Field>
        {owner && (
          <button type="submit" class="button primary" disabled={busy}>
            {t("save")}
          </button>
        )}
      </fieldset>
      {owner && (
        <button type="button" class="button" onClick={archive}>
          {room.archived_at ? t("reopen_room") : t("archive_room")}
        </button>
      )}
    </form>
  );
}
