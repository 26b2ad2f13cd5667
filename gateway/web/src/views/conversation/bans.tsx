import { useEffect, useState } from "preact/hooks";
import { get, path, post } from "../../api/http.ts";
import type { Ban, Page } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { moment } from "../../text/time.ts";
import { attempt } from "../../ui/toast.tsx";

/** Who is kept out, for those who may let them in again. */
export function Bans({ timeline }: { timeline: Timeline }) {
  const [bans, setBans] = useState<Ban[]>([]);
  const load = () =>
    get<Page<Ban>>(path`/rooms/${timeline.id}/bans`).then(
      (page) => setBans(page.items),
      () => undefined,
    );
  useEffect(() => {
    void load();
  }, [timeline, timeline.members.value.size]);
  if (!bans.length) return null;
  const lift = (ban: Ban) =>
    attempt(async () => {
      await post(path`/rooms/${timeline.id}/members/${ban.participant.id}/unban`);
      await load();
    });
  return (
    <section class="details-part">
      <h2>{t("banned")}</h2>
      <ul class="members">
        {bans.map((ban) => (
          <li key={ban.participant.id} class="member">
            <span class="member-name">
              <span dir="auto">{ban.participant.name}</span>
              <span>
                {ban.until ? t("until", { when: moment(ban.until) }) : t("for_good")}
                {ban.reason && ` · ${ban.reason}`}
              </span>
            </span>
            <button type="button" class="button small" onClick={() => lift(ban)}>
              {t("unban")}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
