import { useEffect, useState } from "preact/hooks";
import { get, path, post } from "../api/http.ts";
import type { Page, Room } from "../api/types.ts";
import { putRoom, unread } from "../chat/inbox.ts";
import { languageName, t } from "../i18n/index.ts";
import { go } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { attempt } from "../ui/toast.tsx";
import { dialog } from "./dialogs/dialogs.tsx";
import { SidebarButton } from "./shell.tsx";

/** All the rooms that one may know of, by name. */
export function Browse() {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<Page<Room> | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const wait = setTimeout(
      () =>
        get<Page<Room>>(`/rooms?limit=50&query=${encodeURIComponent(query)}`, abort.signal)
          .then(setFound)
          .catch(() => undefined),
      query ? 150 : 0,
    );
    return () => {
      clearTimeout(wait);
      abort.abort();
    };
  }, [query]);
  const more = () =>
    attempt(async () => {
      const page = await get<Page<Room>>(`/rooms?limit=50&query=${encodeURIComponent(query)}&after=${found?.next}`);
      setFound({ items: [...(found?.items ?? []), ...page.items], next: page.next });
    });
  return (
    <div class="page">
      <header class="page-head">
        <SidebarButton />
        <h1>{t("browse_rooms")}</h1>
        <button type="button" class="button" onClick={() => (dialog.value = { name: "new_room" })}>
          <Icon name="add" /> {t("new_room")}
        </button>
      </header>
      <input
        class="search-field"
        type="search"
        aria-label={t("room_name")}
        placeholder={t("find_room")}
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
      {found && !found.items.length && (
        <p class="empty">{query ? t("no_room_found", { query }) : t("no_rooms_at_all")}</p>
      )}
      <ul class="cards" aria-busy={!found}>
        {found?.items.map((room) => (
          <RoomCard key={room.id} room={room} />
        ))}
      </ul>
      {found?.next && (
        <button type="button" class="button" onClick={more}>
          {t("more")}
        </button>
      )}
    </div>
  );
}

function RoomCard({ room }: { room: Room }) {
  const mine = unread.value.has(room.id);
  const join = () =>
    attempt(async () => {
      putRoom(await post<Room>(path`/rooms/${room.id}/join`), { mine: true });
      go(`/rooms/${room.id}`);
    });
  return (
    <li class="card">
      <div>
        <h2>
          <bdi>{room.name}</bdi>
        </h2>
        <p dir="auto">{room.description || t("no_description")}</p>
        <p class="card-facts">
          {t(`visibility_${room.visibility}`)}
          {room.language && ` · ${languageName(room.language)}`}
          {room.capacity !== null && ` · ${t("at_most", { count: room.capacity })}`}
        </p>
      </div>
      {mine ? (
        <a class="button" href={`/rooms/${room.id}`}>
          {t("open")}
        </a>
      ) : (
        <button type="button" class="button primary" onClick={join} aria-label={t("join_named", { name: room.name })}>
          {t("join")}
        </button>
      )}
    </li>
  );
}
