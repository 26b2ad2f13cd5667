import { useEffect, useState } from "preact/hooks";
import { get, path, remove } from "../api/http.ts";
import { signOut } from "../api/session.ts";
import type { Id, Page } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { moment } from "../text/time.ts";
import { attempt, toast } from "../ui/toast.tsx";
import { nameOf } from "./client_name.ts";

interface Session {
  id: Id;
  client: string | null;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/** Where one is signed in, with the way out: here, there, everywhere else. */
export function Sessions() {
  const [sessions, setSessions] = useState<Session[]>([]);
  const load = () =>
    get<Page<Session>>("/me/sessions").then(
      (page) => setSessions(page.items.toSorted((one, other) => Number(other.current) - Number(one.current))),
      () => undefined,
    );
  useEffect(() => {
    void load();
  }, []);
  const end = (address: string) =>
    attempt(async () => {
      await remove(address);
      await load();
      toast(t("signed_out_there"));
    });
  return (
    <section class="panel">
      <h2>{t("sessions")}</h2>
      <p class="field-hint">{t("sessions_hint")}</p>
      <ul class="list">
        {sessions.map((each) => {
          const name = each.client ? nameOf(each.client) : t("unknown_device");
          return (
            <li key={each.id}>
              <span>
                <strong title={each.client ?? undefined}>{name}</strong>
                {each.current && <span class="tag">{t("this_device")}</span>}
                <br />
                <span class="field-hint">
                  {t("signed_in_on", { when: moment(each.created_at) })}
                  {" · "}
                  {t("last_used", { when: moment(each.last_used_at) })}
                </span>
              </span>
              <button
                type="button"
                class="button small"
                aria-label={`${t("sign_out")}: ${each.current ? t("this_device") : name}`}
                onClick={() => (each.current ? attempt(signOut) : end(path`/me/sessions/${each.id}`))}
              >
                {t("sign_out")}
              </button>
            </li>
          );
        })}
      </ul>
      {sessions.length > 1 && (
        <div>
          <button type="button" class="button danger" onClick={() => end("/me/sessions")}>
            {t("sign_out_elsewhere")}
          </button>
        </div>
      )}
    </section>
  );
}
