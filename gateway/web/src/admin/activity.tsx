import { useEffect, useState } from "preact/hooks";
import { get } from "../api/http.ts";
import type { Id, Page } from "../api/types.ts";
import { moment } from "../text/time.ts";
import { attempt } from "../ui/toast.tsx";

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
  "account.role_changed",
  "account.deactivated",
  "account.quota_changed",
  "api_key.made",
  "api_key.revoked",
  "message.posted",
  "message.deleted",
  "member.joined",
  "member.removed",
  "member.banned",
  "room.updated",
  "room.archived",
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
        <select aria-label="What was done" value={action} onChange={(event) => setAction(event.currentTarget.value)}>
          <option value="">Everything</option>
          {KINDS.map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </select>
        <button type="button" class="button" onClick={() => load()}>
          Refresh
        </button>
      </div>
      <section class="scrolling" tabIndex={0} aria-label="Activity">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Who</th>
              <th scope="col">What</th>
              <th scope="col">Details</th>
              <th scope="col">From</th>
            </tr>
          </thead>
          <tbody>
            {page?.items.map((each) => (
              <tr key={each.id}>
                <td class="nowrap">{moment(each.at)}</td>
                <td>{each.actor ? (names.get(each.actor) ?? each.actor) : "–"}</td>
                <td>
                  <code>{each.action}</code>
                </td>
                <td>
                  {Object.entries(each.details)
                    .map(([name, value]) => `${name}: ${value}`)
                    .join(", ")}
                </td>
                <td>{each.ip}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {page && !page.items.length && <p class="empty">Nothing of that kind has happened.</p>}
      {page?.next && (
        <button type="button" class="button" onClick={() => load(page.next ?? undefined)}>
          More
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
