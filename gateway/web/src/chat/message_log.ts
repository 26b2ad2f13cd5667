/** The messages of one timeline that are loaded: a stretch of it without gaps, in order. Knows nothing of the page. */

import type { Id, Message, MessagePage } from "../api/types.ts";
import type { MessageEvent } from "../realtime/events.ts";

export class MessageLog {
  /** By offset. Replaced messages are new objects, so what has not changed is the same object. */
  items: Message[] = [];
  /** Whether there are older messages than the first, newer ones than the last. */
  older = true;
  newer = false;
  private positions = new Map<Id, number>();
  /** Events that came while pages were on their way: a page may have been read before they happened. */
  private meanwhile: MessageEvent[] = [];
  private underway = 0;

  at(id: Id): Message | undefined {
    const position = this.positions.get(id);
    return position === undefined ? undefined : this.items[position];
  }

  indexOf(id: Id): number {
    return this.positions.get(id) ?? -1;
  }

  /** A page is being asked for. Each call is followed by one of `add`, `replace` and `abandon`. */
  expect(): void {
    this.underway += 1;
  }

  abandon(): void {
    this.underway -= 1;
    if (!this.underway) this.meanwhile = [];
  }

  /** Begin anew with a page that holds the newest messages, or with `newer` one in the middle. */
  replace(page: MessagePage, { newer = false } = {}): void {
    this.items = page.items.toReversed();
    this.older = page.next_before !== null;
    this.newer = newer;
    this.index();
    this.arrived();
  }

  /** Put a page before or behind what there is. What is here already is at least as new as the page. */
  add(page: MessagePage, end: "older" | "newer"): void {
    const fresh = page.items.filter((message) => !this.positions.has(message.id)).toReversed();
    if (end === "older") {
      this.items = [...fresh, ...this.items];
      this.older = page.next_before !== null;
    } else {
      this.items = [...this.items, ...fresh];
      this.newer = page.next_before !== null && page.items.length > 0;
    }
    this.items.sort((one, other) => one.offset - other.offset);
    this.index();
    this.arrived();
  }

  /** Take an event in. Again is fine: events may come twice, and for messages that are not loaded. */
  apply(event: MessageEvent): void {
    if (this.underway) this.meanwhile.push(event);
    switch (event.type) {
      case "message.posted":
        this.append(event.message);
        break;
      case "message.edited":
      case "message.deleted":
        this.change(event.message.id, () => event.message);
        break;
      case "message.translated":
        this.change(event.message_id, (message) => ({
          ...message,
          translation: { language: event.language, text: event.text, provider: event.provider },
        }));
        break;
      case "reaction.added":
      case "reaction.removed":
        this.change(event.message_id, (message) => ({
          ...message,
          reactions: reacted(message.reactions, event.emoji, event.actor, event.type === "reaction.added"),
        }));
    }
  }

  private append(message: Message): void {
    if (this.newer || this.positions.has(message.id)) return;
    const last = this.items.at(-1);
    if (last && last.offset > message.offset) return; // older than what is loaded: a page will bring it
    this.items.push(message);
    this.positions.set(message.id, this.items.length - 1);
  }

  private change(id: Id, changed: (message: Message) => Message): void {
    const position = this.positions.get(id);
    const message = position === undefined ? undefined : this.items[position];
    if (position !== undefined && message) this.items[position] = changed(message);
  }

  private arrived(): void {
    const events = this.meanwhile;
    this.underway -= 1;
    if (!this.underway) this.meanwhile = [];
    const underway = this.underway;
    this.underway = 0; // they are held already
    for (const event of events) this.apply(event);
    this.underway = underway;
  }

  private index(): void {
    this.positions = new Map(this.items.map((message, position) => [message.id, position]));
  }
}

function reacted(reactions: Message["reactions"], emoji: string, who: Id, added: boolean): Message["reactions"] {
  const { [emoji]: before = [], ...rest } = reactions;
  const others = before.filter((each) => each !== who);
  const now = added ? [...others, who] : others;
  if (!now.length) return rest;
  return emoji in reactions ? { ...reactions, [emoji]: now } : { ...rest, [emoji]: now };
}
