import { useState } from "preact/hooks";
import { path, post, put } from "../../api/http.ts";
import type { PublicUser } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { moment } from "../../text/time.ts";
import { Icon } from "../../ui/icon.tsx";
import { attempt, toast } from "../../ui/toast.tsx";
import { PeoplePicker } from "../people_picker.tsx";

/** Bring people in: by name, or with a link for whoever has it. */
export function Invite({ timeline }: { timeline: Timeline }) {
  const [people, setPeople] = useState<PublicUser[]>([]);
  const [adding, setAdding] = useState(false);
  const group = timeline.conversation.value?.kind === "group";
  if (timeline.archived || (timeline.kind === "room" ? !timeline.moderated : !group)) return null;
  const add = () =>
    attempt(async () => {
      for (const person of people) {
        if (group) await post(path`/conversations/${timeline.id}/participants`, { participant: person.id });
        else await put(path`/rooms/${timeline.id}/members/${person.id}`, { role: "member" });
      }
      setPeople([]);
      setAdding(false);
    });
  return (
    <section class="details-part">
      {adding ? (
        <>
          <PeoplePicker chosen={people} onChange={setPeople} />
          <div class="buttons">
            <button type="button" class="button" onClick={() => setAdding(false)}>
              {t("cancel")}
            </button>
            <button type="button" class="button primary" disabled={!people.length} onClick={add}>
              {t("add")}
            </button>
          </div>
        </>
      ) : (
        <button type="button" class="button" onClick={() => setAdding(true)}>
          <Icon name="add" /> {t("add_people")}
        </button>
      )}
      {timeline.kind === "room" && <InviteLink timeline={timeline} />}
    </section>
  );
}

function InviteLink({ timeline }: { timeline: Timeline }) {
  const [link, setLink] = useState<{ href: string; until: string } | null>(null);
  const make = () =>
    attempt(async () => {
      const made = await post<{ code: string; expires_at: string }>(path`/rooms/${timeline.id}/invites`);
      setLink({ href: `${location.origin}/invites/${made.code}`, until: made.expires_at });
    });
  const copy = () =>
    attempt(async () => navigator.clipboard.writeText(link?.href ?? "").then(() => toast(t("copied"))));
  if (!link) {
    return (
      <button type="button" class="button" onClick={make}>
        <Icon name="link" /> {t("make_invitation")}
      </button>
    );
  }
  return (
    <div class="secret">
      <input
        readOnly
        value={link.href}
        aria-label={t("invitation_link")}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button type="button" class="button" onClick={copy}>
        <Icon name="copy" /> {t("copy")}
      </button>
      <p class="field-hint">{t("until", { when: moment(link.until) })}</p>
    </div>
  );
}
