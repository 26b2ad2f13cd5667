import { describe, expect, test } from "vitest";
import type { Message, MessagePage } from "../api/types.ts";
import type { MessageEvent } from "../realtime/events.ts";
import { MessageLog } from "./message_log.ts";

/** The server's side: a log of events, and the messages as they are after any number of them. */
class Model {
  events: MessageEvent[] = [];
  messages: Message[] = [];

  constructor(private random: () => number) {}

  step(): void {
    const offset = this.events.length + 1;
    const about = { offset, at: `t${offset}`, actor: this.pick(["ada", "grace"]) };
    const message = this.messages.length ? this.pick(this.messages) : undefined;
    const kind = message ? this.pick(["post", "post", "edit", "delete", "react", "unreact"]) : "post";
    if (!message || kind === "post") this.take({ ...about, type: "message.posted", message: posted(offset) });
    else if (kind === "edit")
      this.take({ ...about, type: "message.edited", message: { ...message, text: `edited ${offset}` } });
    else if (kind === "delete") {
      this.take({
        ...about,
        type: "message.deleted",
        message_id: message.id,
        message: { ...message, text: "", deleted_at: about.at },
      });
    } else {
      const type = kind === "react" ? "reaction.added" : "reaction.removed";
      this.take({ ...about, type, message_id: message.id, emoji: this.pick(["👍", "🎉"]) });
    }
  }

  page(before = Number.POSITIVE_INFINITY, limit = 5): MessagePage {
    const found = this.messages.filter((message) => message.offset < before).toReversed();
    const items = found.slice(0, limit);
    return { items, next_before: found.length > limit ? (items.at(-1)?.offset ?? null) : null };
  }

  private take(event: MessageEvent): void {
    this.events.push(event);
    if (event.type === "message.posted") this.messages = [...this.messages, event.message];
    else this.messages = this.messages.map((each) => changed(each, event));
  }

  pick<T>(choices: T[]): T {
    return choices[Math.floor(this.random() * choices.length)] as T;
  }
}

function posted(offset: number): Message {
  const author = { id: "ada", kind: "user", name: "Ada" } as const;
  return {
    id: `m${offset}`,
    timeline_id: "t",
    offset,
    author,
    text: `message ${offset}`,
    language: null,
    reply_to: null,
    client_id: null,
    created_at: `t${offset}`,
    edited_at: null,
    deleted_at: null,
    reactions: {},
    mentions: [],
  };
}

function changed(message: Message, event: MessageEvent): Message {
  if (event.type === "message.edited" || event.type === "message.deleted") {
    return event.message.id === message.id ? event.message : message;
  }
  if ((event.type !== "reaction.added" && event.type !== "reaction.removed") || event.message_id !== message.id)
    return message;
  const others = (message.reactions[event.emoji] ?? []).filter((each) => each !== event.actor);
  const people = event.type === "reaction.added" ? [...others, event.actor] : others;
  const { [event.emoji]: _, ...rest } = message.reactions;
  return { ...message, reactions: people.length ? { ...rest, [event.emoji]: people } : rest };
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const byOffset = (messages: Message[]) =>
  messages.map(({ offset, text, deleted_at, reactions }) => ({
    offset,
    text,
    deleted_at,
    reactions: sorted(reactions),
  }));
const sorted = (reactions: Message["reactions"]) =>
  Object.entries(reactions)
    .map(([emoji, people]) => `${emoji}${people.toSorted()}`)
    .toSorted();

describe("whatever arrives when", () => {
  test.each(Array.from({ length: 200 }, (_, seed) => seed))(
    "pages and events add up to what the server has (seed %i)",
    (seed) => {
      const random = seeded(seed);
      const server = new Model(random);
      const log = new MessageLog();
      for (let count = 0; count < 12; count += 1) server.step();
      let delivered = server.events.length;
      let underway: { page: MessagePage; first: boolean } | null = null;
      log.expect();
      underway = { page: server.page(), first: true };

      for (let count = 0; count < 80; count += 1) {
        const next = server.pick(["happen", "deliver", "deliver", "arrive", "ask"]);
        if (next === "happen") server.step();
        const event = server.events[delivered];
        if (next === "deliver" && event) {
          log.apply(event);
          delivered += 1;
          if (random() < 0.2) log.apply(event);
        }
        if (next === "arrive" && underway) {
          if (underway.first) log.replace(underway.page);
          else log.add(underway.page, "older");
          underway = null;
        }
        if (next === "ask" && !underway && log.older) {
          log.expect();
          underway = { page: server.page(log.items[0]?.offset), first: false };
        }
      }
      if (underway) underway.first ? log.replace(underway.page) : log.add(underway.page, "older");
      for (const event of server.events.slice(delivered)) log.apply(event);

      const first = log.items[0]?.offset ?? 0;
      expect(byOffset(log.items)).toEqual(byOffset(server.messages.filter((message) => message.offset >= first)));
      expect(log.items.map((message) => log.indexOf(message.id))).toEqual(log.items.map((_, index) => index));
    },
  );
});
