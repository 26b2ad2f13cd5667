import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Message } from "../../api/types.ts";
import { conversations, myConversations, myRooms, nameOf, rooms } from "../../chat/inbox.ts";
import { t } from "../../i18n/index.ts";
import { rpc } from "../../realtime/connection.ts";
import { go } from "../../router.ts";
import { plain } from "../../text/markdown.ts";
import { moment } from "../../text/time.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Icon } from "../../ui/icon.tsx";

interface Found extends Message {
  /** The parts of the text that were looked for; the ranges count code points. */
  highlights: { text: string; ranges: [number, number][] }[];
}

/** One field for everything: rooms and conversations by name, messages by their words. */
export function Search({ onClose }: { onClose: () => void }) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState<Found[] | null>(null);
  const words = query.trim();
  useEffect(() => {
    setFound(null);
    if (words.length < 2) return;
    let current = true;
    const wait = setTimeout(() => {
      rpc<{ items: Found[] }>("search", { q: words, limit: 20 })
        .then(({ items }) => {
          if (current) setFound(items);
        })
        .catch(() => {
          if (current) setFound([]);
        });
    }, 200);
    return () => {
      current = false;
      clearTimeout(wait);
    };
  }, [words]);
  const lowered = words.toLowerCase();
  const places = [
    ...myRooms.value.map((room) => ({ href: `/rooms/${room.id}`, name: room.name, icon: "hash" as const })),
    ...myConversations.value.map((each) => ({
      href: `/conversations/${each.id}`,
      name: nameOf(each),
      icon: "talk" as const,
    })),
  ].filter((each) => each.name.toLowerCase().includes(lowered));
  const open = (href: string) => {
    onClose();
    go(href);
  };
  return (
    <Dialog title={t("search")} onClose={onClose} wide>
      <input
        class="search-field"
        type="search"
        autofocus
        aria-label={t("search")}
        placeholder={t("search_placeholder")}
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          const [first] = places;
          if (event.key === "Enter" && first) open(first.href);
        }}
      />
      <ul class="results">
        {places.slice(0, 8).map(({ href, name, icon }) => (
          <li key={href}>
            <a class="result" href={href} onClick={() => setTimeout(onClose)}>
              <Icon name={icon} size={16} /> <strong dir="auto">{name}</strong>
            </a>
          </li>
        ))}
        {found?.map((message) => (
          <li key={message.id}>
            <a class="result" href={hrefOf(message)} onClick={() => setTimeout(onClose)}>
              <span class="result-head">
                <strong>{message.author.name}</strong> {t("in_place", { where: whereOf(message) })} ·{" "}
                {moment(message.created_at)}
              </span>
              <span class="result-text" dir="auto">
                <Highlighted message={message} />
              </span>
            </a>
          </li>
        ))}
      </ul>
      {found && !found.length && !places.length && <p class="empty">{t("nothing_found", { query: words })}</p>}
    </Dialog>
  );
}

function Highlighted({ message }: { message: Found }) {
  const [snippet] = message.highlights;
  if (!snippet) return <>{plain(message.text)}</>;
  const letters = [...snippet.text];
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const [start, end] of snippet.ranges) {
    parts.push(letters.slice(at, start).join(""), <mark key={start}>{letters.slice(start, end).join("")}</mark>);
    at = end;
  }
  return (
    <>
      {parts}
      {letters.slice(at).join("")}
    </>
  );
}

function hrefOf(message: Message): string {
  const kind = rooms.value.has(message.timeline_id) ? "rooms" : "conversations";
  return `/${kind}/${message.timeline_id}?message=${message.id}`;
}

function whereOf(message: Message): string {
  const conversation = conversations.value.get(message.timeline_id);
  return rooms.value.get(message.timeline_id)?.name ?? (conversation ? nameOf(conversation) : t("conversation"));
}
