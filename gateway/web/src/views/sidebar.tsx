import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { changeMe, me, signOut } from "../api/session.ts";
import type { Conversation, Room, Status } from "../api/types.ts";
import { archived, loaded, myConversations, myRooms, nameOf, unread, unreadNotifications } from "../chat/inbox.ts";
import { unsent } from "../chat/outbox.ts";
import { t, tn } from "../i18n/index.ts";
import { place } from "../router.ts";
import { Avatar } from "../ui/avatar.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Popover } from "../ui/popover.tsx";
import { attempt } from "../ui/toast.tsx";
import { dialog } from "./dialogs/dialogs.tsx";

const STATUSES: Status[] = ["available", "busy", "away"];

/** Where one can go: rooms, conversations, and one's own things. */
export function Sidebar() {
  return (
    <nav class="sidebar" aria-label={t("navigation")}>
      <header class="sidebar-head">
        <a class="brand" href="/">
          <img src="/icon.svg" alt="" width="26" height="26" />
          {t("app")}
        </a>
        <button
          type="button"
          class="quiet"
          aria-label={t("search")}
          title={`${t("search")} (Ctrl K)`}
          onClick={() => (dialog.value = { name: "search" })}
        >
          <Icon name="search" />
        </button>
        <Bell />
      </header>
      <div class="sidebar-lists">
        <Group title={t("rooms")} action={t("new_room")} onAction={() => (dialog.value = { name: "new_room" })}>
          {myRooms.value.map((room) => (
            <RoomEntry key={room.id} room={room} />
          ))}
          {loaded.value && (
            <li>
              <a
                class="entry entry-quiet"
                href="/rooms"
                aria-current={place.value.parts.join("/") === "rooms" ? "page" : undefined}
              >
                <span class="entry-mark">
                  <Icon name="search" size={16} />
                </span>
                {t("browse_rooms")}
              </a>
            </li>
          )}
        </Group>
        <Group
          title={t("conversations")}
          action={t("new_conversation")}
          onAction={() => (dialog.value = { name: "new_conversation" })}
        >
          {myConversations.value.map((each) => (
            <ConversationEntry key={each.id} conversation={each} />
          ))}
          {loaded.value && !myConversations.value.length && <li class="entry-hint">{t("no_conversations_yet")}</li>}
        </Group>
        <Archived />
      </div>
      <Myself />
    </nav>
  );
}

function Group({
  title,
  action,
  onAction,
  children,
}: {
  title: string;
  action: string;
  onAction: () => void;
  children: ComponentChildren;
}) {
  return (
    <section class="group">
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" aria-label={action} title={action} onClick={onAction}>
          <Icon name="add" size={16} />
        </button>
      </header>
      <ul>{children}</ul>
    </section>
  );
}

function RoomEntry({ room }: { room: Room }) {
  return (
    <Entry href={`/rooms/${room.id}`} id={room.id} name={room.name}>
      <span class="entry-mark">
        <Icon name={room.visibility === "private" ? "lock" : "hash"} size={16} />
      </span>
    </Entry>
  );
}

function ConversationEntry({ conversation }: { conversation: Conversation }) {
  const others = conversation.participants.filter((each) => each.id !== me.value?.id);
  const [other] = others;
  return (
    <Entry
      href={`/conversations/${conversation.id}`}
      id={conversation.id}
      name={nameOf(conversation) || t("conversation")}
    >
      {conversation.kind === "private" && other ? (
        <Avatar who={other} size={20} presence={other.presence} />
      ) : (
        <span class="entry-mark">
          <Icon name="people" size={16} />
        </span>
      )}
    </Entry>
  );
}

function Entry({ href, id, name, children }: { href: string; id: string; name: string; children: ComponentChildren }) {
  const counts = unread.value.get(id);
  const waiting = unsent.value.some((each) => each.channel.endsWith(id));
  const fresh = counts?.unread ?? 0;
  return (
    <li>
      <a
        class={fresh ? "entry entry-fresh" : "entry"}
        href={href}
        aria-current={place.value.parts[1] === id ? "page" : undefined}
      >
        {children}
        <span class="entry-name">
          <bdi>{name}</bdi>
        </span>
        {waiting && <span class="entry-waiting" role="img" aria-label={t("has_unsent")} title={t("has_unsent")} />}
        {fresh > 0 && (
          <span class={counts?.mentions ? "count count-mention" : "count"}>
            <span aria-hidden="true">{fresh > 999 ? "999+" : fresh}</span>
            <span class="unseen">{tn("unread", fresh)}</span>
          </span>
        )}
      </a>
    </li>
  );
}

function Archived() {
  const [shown, show] = useState(false);
  if (!archived.value.length) return null;
  return (
    <section class="group">
      <button type="button" class="group-toggle" aria-expanded={shown} onClick={() => show(!shown)}>
        {t("archived")} ({archived.value.length})
      </button>
      {shown && (
        <ul>
          {archived.value.map((each) =>
            "name" in each ? (
              <RoomEntry key={each.id} room={each} />
            ) : (
              <ConversationEntry key={each.id} conversation={each} />
            ),
          )}
        </ul>
      )}
    </section>
  );
}

function Bell() {
  const count = unreadNotifications.value;
  return (
    <button
      type="button"
      class="quiet bell"
      aria-label={count ? tn("unread_notifications", count) : t("notifications")}
      title={t("notifications")}
      onClick={() => (dialog.value = { name: "notifications" })}
    >
      <Icon name="bell" />
      {count > 0 && <span class="bell-count">{count > 99 ? "99+" : count}</span>}
    </button>
  );
}

function Myself() {
  const [anchor, setAnchor] = useState<DOMRect | null>(null);
  const user = me.value;
  if (!user) return null;
  const close = () => setAnchor(null);
  return (
    <footer class="sidebar-foot">
      <button
        type="button"
        class="myself"
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        <Avatar
          who={{ id: user.id, kind: "user", name: user.display_name ?? user.username }}
          size={32}
          presence={user.status}
        />
        <span class="myself-name">
          <strong>{user.display_name ?? user.username}</strong>
          <span>{t(`status_${user.status}`)}</span>
        </span>
        <Icon name="more" />
      </button>
      {anchor && (
        <Popover anchor={anchor} label={t("my_account")} onClose={close}>
          {STATUSES.map((status) => (
            <button
              key={status}
              type="button"
              role="menuitemradio"
              aria-checked={user.status === status}
              onClick={() => {
                close();
                void attempt(() => changeMe({ status }));
              }}
            >
              <span class={`dot dot-inline dot-${status}`} /> {t(`status_${status}`)}
            </button>
          ))}
          <hr />
          <MenuLink href="/account" icon="settings" text={t("my_account")} onClick={close} />
          {user.role === "admin" && <MenuLink href="/admin" icon="admin" text={t("administration")} onClick={close} />}
          <MenuLink href="/docs" icon="link" text={t("for_developers")} onClick={close} />
          <hr />
          <button type="button" role="menuitem" onClick={() => void attempt(signOut)}>
            <Icon name="leave" /> {t("sign_out")}
          </button>
        </Popover>
      )}
    </footer>
  );
}

function MenuLink({ href, icon, text, onClick }: { href: string; icon: IconName; text: string; onClick: () => void }) {
  return (
    <a role="menuitem" href={href} onClick={() => setTimeout(onClick)}>
      <Icon name={icon} /> {text}
    </a>
  );
}
