import { useEffect, useState } from "preact/hooks";
import { get, patch, path } from "../api/http.ts";
import { me } from "../api/session.ts";
import type { Page, User } from "../api/types.ts";
import { moment } from "../text/time.ts";
import { Avatar } from "../ui/avatar.tsx";
import { attempt } from "../ui/toast.tsx";
import { t } from "./i18n/index.ts";

/** Everybody's account: role, quota, whether it may be used. */
export function Users() {
  const [query, setQuery] = useState("");
  const [exceeded, setExceeded] = useState(false);
  const [page, setPage] = useState<Page<User> | null>(null);
  const load = (after?: string) =>
    attempt(async () => {
      const parameters = new URLSearchParams({ limit: "50", query });
      if (exceeded) parameters.set("quota_exceeded", "true");
      if (after) parameters.set("after", after);
      const found = await get<Page<User>>(`/admin/users?${parameters}`);
      setPage((before) => ({
        items: after && before ? [...before.items, ...found.items] : found.items,
        next: found.next,
      }));
    });
  useEffect(() => {
    const wait = setTimeout(load, query ? 200 : 0);
    return () => clearTimeout(wait);
  }, [query, exceeded]);
  const change = (user: User, changes: Partial<User>) =>
    attempt(async () => {
      const changed = await patch<User>(path`/admin/users/${user.id}`, changes);
      setPage(
        (before) => before && { ...before, items: before.items.map((each) => (each.id === user.id ? changed : each)) },
      );
    });
  return (
    <>
      <div class="tools-line">
        <input
          type="search"
          aria-label={t("username_begins")}
          placeholder={t("username_begins")}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={exceeded} onChange={(event) => setExceeded(event.currentTarget.checked)} />
          <span>{t("quota_used_up")}</span>
        </label>
      </div>
      <section class="scrolling" tabIndex={0} aria-label={t("users")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("who")}</th>
              <th scope="col">{t("since")}</th>
              <th scope="col">{t("role")}</th>
              <th scope="col">{t("messages_a_week")}</th>
              <th scope="col">{t("account")}</th>
            </tr>
          </thead>
          <tbody>
            {page?.items.map((user) => (
              <UserRow key={user.id} user={user} onChange={(changes) => change(user, changes)} />
            ))}
          </tbody>
        </table>
      </section>
      {page && !page.items.length && <p class="empty">{t("nobody_fits")}</p>}
      {page?.next && (
        <button type="button" class="button" onClick={() => load(page.next ?? undefined)}>
          {t("more")}
        </button>
      )}
    </>
  );
}

function UserRow({ user, onChange }: { user: User; onChange: (changes: Partial<User>) => void }) {
  const self = user.id === me.value?.id;
  const name = user.display_name ?? user.username;
  return (
    <tr class={user.active ? "" : "gone"}>
      <th scope="row">
        <span class="who">
          <Avatar who={{ id: user.id, kind: "user", name }} size={28} />
          <span>
            {name}
            <small>
              @{user.username} · {user.email}
            </small>
          </span>
        </span>
      </th>
      <td class="nowrap">{moment(user.created_at)}</td>
      <td>
        <select
          aria-label={t("role_of", { name })}
          value={user.role}
          disabled={self}
          onChange={(event) => onChange({ role: event.currentTarget.value as User["role"] })}
        >
          <option value="user">{t("role_user")}</option>
          <option value="admin">{t("role_admin")}</option>
        </select>
      </td>
      <td>
        <input
          type="number"
          min={0}
          aria-label={t("messages_a_week_of", { name })}
          placeholder={t("servers")}
          defaultValue={user.weekly_messages ?? ""}
          onChange={(event) =>
            onChange({ weekly_messages: event.currentTarget.value ? Number(event.currentTarget.value) : null })
          }
        />
      </td>
      <td>
        <button
          type="button"
          class="button small"
          disabled={self}
          aria-label={t(user.active ? "deactivate_named" : "reactivate_named", { name })}
          onClick={() => onChange({ active: !user.active })}
        >
          {t(user.active ? "deactivate" : "reactivate")}
        </button>
      </td>
    </tr>
  );
}
