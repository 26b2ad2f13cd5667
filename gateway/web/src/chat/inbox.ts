/** Which timelines are mine, what in them is unread, and what concerns me by name. */

import { computed, signal } from "@preact/signals";
import { all, get, path, post } from "../api/http.ts";
import { me } from "../api/session.ts";
import type { Conversation, Id, Notification, Room, Unread } from "../api/types.ts";
import type { PersonalEvent } from "../realtime/events.ts";

export const unread = signal<ReadonlyMap<Id, Unread>>(new Map());
export const rooms = signal<ReadonlyMap<Id, Room>>(new Map());
export const conversations = signal<ReadonlyMap<Id, Conversation>>(new Map());
export const notifications = signal<readonly Notification[]>([]);
export const unreadNotifications = signal(0);
export const loaded = signal(false);

export const myRooms = computed(() =>
  [...rooms.value.values()]
    .filter((room) => unread.value.has(room.id) && !room.archived_at)
    .sort((one, other) => one.name.localeCompare(other.name)),
);
export const myConversations = computed(() =>
  [...conversations.value.values()]
    .filter((each) => !each.archived_at)
    .sort((one, other) => other.created_at.localeCompare(one.created_at)),
);
export const archived = computed(() => [
  ...[...rooms.value.values()].filter((room) => room.archived_at && unread.value.has(room.id)),
  ...[...conversations.value.values()].filter((each) => each.archived_at),
]);
export const totalUnread = computed(() => [...unread.value.values()].reduce((sum, each) => sum + each.unread, 0));

/** Told of each new notification, once. */
let onNotified: (notification: Notification) => void = () => undefined;
export function watchNotifications(listener: (notification: Notification) => void): void {
  onNotified = listener;
}

/** Everything anew: at the start, and after each reconnection. */
export async function loadInbox(): Promise<void> {
  const [counts, open, talks, notes] = await Promise.all([
    all<Unread>("/me/unread"),
    all<Room>("/rooms"),
    all<Conversation>("/conversations"),
    get<{ items: Notification[]; unread: number }>("/me/notifications?limit=50"),
  ]);
  unread.value = new Map(counts.map((each) => [each.timeline_id, each]));
  const known = new Map(open.map((room) => [room.id, room]));
  const missing = counts.filter((each) => each.kind === "room" && !known.has(each.timeline_id));
  for (const room of await Promise.all(missing.map((each) => readRoom(each.timeline_id))))
    if (room) known.set(room.id, room);
  rooms.value = known;
  conversations.value = new Map(talks.map((each) => [each.id, each]));
  notifications.value = notes.items;
  unreadNotifications.value = notes.unread;
  loaded.value = true;
}

export async function loadRoom(id: Id): Promise<void> {
  const room = await readRoom(id);
  if (room) rooms.value = new Map(rooms.value).set(id, room);
}

export async function loadConversation(id: Id): Promise<void> {
  const conversation = await get<Conversation>(path`/conversations/${id}`).catch(() => null);
  if (conversation) conversations.value = new Map(conversations.value).set(id, conversation);
}

export function nameOf(conversation: Conversation): string {
  if (conversation.title) return conversation.title;
  const others = conversation.participants.filter((each) => each.id !== me.value?.id);
  return others.map((each) => each.name).join(", ");
}

export function putRoom(room: Room, { mine }: { mine: boolean }): void {
  rooms.value = new Map(rooms.value).set(room.id, room);
  if (mine && !unread.value.has(room.id))
    count({ timeline_id: room.id, kind: "room", unread: 0, mentions: 0, last_read_offset: 0 });
}

export function putConversation(conversation: Conversation): void {
  conversations.value = new Map(conversations.value).set(conversation.id, conversation);
}

/** One is no longer in a timeline. */
export function drop(id: Id): void {
  const counts = new Map(unread.value);
  counts.delete(id);
  unread.value = counts;
  const talks = new Map(conversations.value);
  if (talks.delete(id)) conversations.value = talks;
}

/** How far one has read, before the server says so. */
export function readHere(id: Id, kind: Unread["kind"], offset: number): void {
  const before = unread.value.get(id);
  count({
    timeline_id: id,
    kind,
    unread: 0,
    mentions: 0,
    last_read_offset: Math.max(offset, before?.last_read_offset ?? 0),
  });
  const now = new Date().toISOString();
  notifications.value = notifications.value.map((each) =>
    each.timeline_id === id && !each.read_at ? { ...each, read_at: now } : each,
  );
  unreadNotifications.value = notifications.value.filter((each) => !each.read_at).length;
}

export async function readAllNotifications(): Promise<void> {
  const answer = await post<{ unread: number }>("/me/notifications/read", { up_to: "all" });
  const now = new Date().toISOString();
  notifications.value = notifications.value.map((each) => ({ ...each, read_at: each.read_at ?? now }));
  unreadNotifications.value = answer.unread;
}

export function takePersonal(event: PersonalEvent): void {
  switch (event.type) {
    case "unread": {
      const { type: _, ...counts } = event;
      count(counts);
      if (counts.kind === "room" && !rooms.value.has(counts.timeline_id)) void loadRoom(counts.timeline_id);
      if (counts.kind === "conversation" && !conversations.value.has(counts.timeline_id))
        void loadConversation(counts.timeline_id);
      break;
    }
    case "notification":
      if (notifications.value.some((each) => each.id === event.notification.id)) return;
      notifications.value = [event.notification, ...notifications.value];
      unreadNotifications.value += 1;
      onNotified(event.notification);
      break;
    case "invited":
      if (!unread.value.has(event.timeline_id)) {
        count({ timeline_id: event.timeline_id, kind: event.kind, unread: 0, mentions: 0, last_read_offset: 0 });
      }
      void (event.kind === "room" ? loadRoom(event.timeline_id) : loadConversation(event.timeline_id));
  }
}

function count(counts: Unread): void {
  unread.value = new Map(unread.value).set(counts.timeline_id, counts);
}

function readRoom(id: Id): Promise<Room | null> {
  return get<Room>(path`/rooms/${id}`).catch(() => null);
}
