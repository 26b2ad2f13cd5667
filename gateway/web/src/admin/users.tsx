import { useEffect, useState } from "preact/hooks";
import { get, patch, path } from "../api/http.ts";
import { me } from "../api/session.ts";
import type { Page, User } from "../api/types.ts";
import { moment } from "../text/time.ts";
import { Avatar } from "../ui/avatar.tsx";
import { attempt } from "../ui/toast.tsx";

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
          aria-label="Username begins with"
          placeholder="Username begins with"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
        <label class="check">
          <input type="checkbox" checked={exceeded} onChange={(event) => setExceeded(event.currentTarget.checked)} />
          <span>This week’s quota used up</span>
        </label>
      </div>
      <section class="scrolling" tabIndex={0} aria-label="People">
        <table>
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">Since</th>
              <th scope="col">Role</th>
              <th scope="col">Messages a week</th>
              <th scope="col">Account</th>
            </tr>
          </thead>
          <tbody>
            {page?.items.map((user) => (
              <UserRow key={user.id} user={user} onChange={(changes) => change(user, changes)} />
            ))}
          </tbody>
        </table>
      </section>
      {page && !page.items.length && <p class="empty">Nobody fits.</p>}
      {page?.next && (
        <button type="button" class="button" onClick={() => load(page.next ?? undefined)}>
          More
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
          aria-label={`Role of ${name}`}
          value={user.role}
          disabled={self}
          onChange={(event) => onChange({ role: event.currentTarget.value as User["role"] })}
        >
          <option value="user">user</option>
          <option value="admin">admin</option>
        </select>
      </td>
      <td>
        <input
          type="number"
          min={0}
          aria-label={`Messages a week of ${name}; empty: the server's quota`}
          placeholder="server’s"
          defaultValue={user.weekly_messages ?? ""}
          onChange={(event) =>
            onChange({ weekly_messages: event.currentTarget.value ? Number(event.currentTarget.value) : null })
          }
        />
      </td>
      <td>
        <button type="button" class="button small" disabled={self} onClick={() => onChange({ active: !user.active })}>
          {user.active ? "Deactivate" : "Reactivate"}
        </button>
      </td>
    </tr>
  );
}
