import { useEffect, useState } from "preact/hooks";
import { get } from "../api/http.ts";
import type { Id, Page } from "../api/types.ts";
import { moment } from "../text/time.ts";
import { attempt } from "../ui/toast.tsx";
import { named, t } from "./i18n/index.ts";

interface Entry {
  id: Id;
  at: string;
  action: string;
  actor: Id | null;
  timeline_id: Id | null;
  subject: Id | null;
  ip: string | null;
  details: Record<string, string | number | boolean | null>;
}

const KINDS = [
  "session.started",
  "session.refused",
  "session.ended",
  "account.registered",
  "account.created",
  "account.role_changed",
  "account.deactivated",
  "account.reactivated",
  "account.quota_changed",
  "api_key.made",
  "api_key.revoked",
  "message.posted",
  "message.deleted",
  "member.joined",
  "member.added",
  "member.left",
  "member.removed",
  "member.role_changed",
  "member.banned",
  "member.unbanned",
  "member.muted",
  "room.updated",
  "room.archived",
  "conversation.updated",
]; // prettier-ignore

const names = new Map<Id, string>();

/** Who did what, newest first. */
export function Activity() {
  const [action, setAction] = useState("");
  const [page, setPage] = useState<Page<Entry> | null>(null);
  const load = (after?: string) =>
    attempt(async () => {
      const parameters = new URLSearchParams({
        limit: "50",
        ...(action ? { action } : {}),
        ...(after ? { after } : {}),
      });
      const found = await get<Page<Entry>>(`/admin/activity?${parameters}`);
      await Promise.all([...new Set(found.items.map((each) => each.actor))].map(learnName));
      setPage((before) => ({
        items: after && before ? [...before.items, ...found.items] : found.items,
        next: found.next,
      }));
    });
  useEffect(() => {
    void load();
  }, [action]);
  return (
    <>
      <div class="tools-line">
        <select
          aria-label={t("what_was_done")}
          value={action}
          onChange={(event) => setAction(event.currentTarget.value)}
        >
          <option value="">{t("everything")}</option>
          {KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {named("action", kind)}
            </option>
          ))}
        </select>
        <button type="button" class="button" onClick={() => load()}>
          {t("refresh")}
        </button>
      </div>
      <section class="scrolling" tabIndex={0} aria-label={t("activity")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("when")}</th>
              <th scope="col">{t("who")}</th>
              <th scope="col">{t("what")}</th>
              <th scope="col">{t("details")}</th>
              <th scope="col">{t("from")}</th>
            </tr>
          </thead>
          <tbody>
            {page?.items.map((each) => (
              <tr key={each.id}>
                <td class="nowrap">{moment(each.at)}</td>
                <td>{each.actor ? (names.get(each.actor) ?? each.actor) : "–"}</td>
                <td title={each.action}>{named("action", each.action) ?? <code>{each.action}</code>}</td>
                <td>
                  <code>
                    {Object.entries(each.details)
                      .map(([name, value]) => `${name}: ${value}`)
                      .join(", ")}
                  </code>
                </td>
                <td>{each.ip}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {page && !page.items.length && <p class="empty">{t("nothing_of_that_kind")}</p>}
      {page?.next && (
        <button type="button" class="button" onClick={() => load(page.next ?? undefined)}>
          {t("more")}
        </button>
      )}
    </>
  );
}

async function learnName(id: Id | null): Promise<void> {
  if (!id || names.has(id)) return;
  const user = await get<{ name: string }>(`/users/${id}`).catch(() => null);
  names.set(id, user?.name ?? id);
}
