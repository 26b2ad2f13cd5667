/** One timeline as the page knows it: its log, its people and what goes on in it now, fed by its realtime channel. */

import { signal } from "@preact/signals";
import type { SubscribedContext, Subscription } from "centrifuge";
import { get, path } from "../api/http.ts";
import { me } from "../api/session.ts";
import type {
  Answer,
  Availability,
  Conversation,
  Id,
  Member,
  Message,
  MessagePage,
  Page,
  Reader,
  Room,
  TimelineKind,
} from "../api/types.ts";
import { readerLanguage } from "../i18n/index.ts";
import { connection, forget, rpc, subscriptionTo } from "../realtime/connection.ts";
import type { TimelineEvent } from "../realtime/events.ts";
import { Answers } from "./answers.ts";
import { MessageLog } from "./message_log.ts";
import { confirmed, send } from "./outbox.ts";

const PAGE = 60;
/** Of what lies further back, which one scrolls towards. */
const NEXT_PAGE = 100;
/** Milliseconds between two words to the server that one still types. */
const TYPING_AGAIN = 3000;
/** The protocol's numbers. */
const METHOD_NOT_FOUND = 104;
const BAD_REQUEST = 107;

interface Welcome {
  room?: Room;
  conversation?: Conversation;
  members: Member[];
  answers: Answer[];
  online?: number;
  presence?: Record<Id, Availability>;
  typing?: Id[];
}

export type TimelineState = "loading" | "ready" | "refused" | "unreachable";

export class Timeline {
  readonly channel: string;
  readonly log = new MessageLog();
  readonly state = signal<TimelineState>("loading");
  /** Grows with every change of the log. */
  readonly version = signal(0);
  readonly room = signal<Room | null>(null);
  readonly conversation = signal<Conversation | null>(null);
  readonly members = signal<ReadonlyMap<Id, Member>>(new Map());
  readonly presence = signal<ReadonlyMap<Id, Availability>>(new Map());
  readonly online = signal<number | null>(null);
  readonly typing = signal<readonly Id[]>([]);
  /** How far others are known to have read. */
  readonly reads = signal<ReadonlyMap<Id, number>>(new Map());
  readonly answers = new Answers();
  /** The highest offset seen. */
  offset = 0;
  /** Called with each event after it was taken in. */
  listener: (event: TimelineEvent) => void = () => undefined;
  private subscription: Subscription | null = null;
  private loading: Promise<void> | null = null;
  private begin: () => void = () => undefined;
  /** The first page has come, and it is known where the timeline ends. */
  private readonly begun = new Promise<void>((begin) => {
    this.begin = begin;
  });
  private typedAt = 0;

  constructor(
    readonly kind: TimelineKind,
    readonly id: Id,
  ) {
    this.channel = `${kind}:${id}`;
  }

  get rest(): string {
    return this.kind === "room" ? path`/rooms/${this.id}` : path`/conversations/${this.id}`;
  }

  get name(): string {
    const { room, conversation } = { room: this.room.value, conversation: this.conversation.value };
    if (room) return room.name;
    if (conversation?.title) return conversation.title;
    const others = [...this.members.value.values()].filter((member) => member.participant.id !== me.value?.id);
    return others.map((member) => member.participant.name).join(", ");
  }

  get archived(): boolean {
    return Boolean((this.room.value ?? this.conversation.value)?.archived_at);
  }

  get myRole(): Member["role"] | null {
    return this.members.value.get(me.value?.id ?? "")?.role ?? null;
  }

  get moderated(): boolean {
    return me.value?.role === "admin" || this.myRole === "owner" || this.myRole === "moderator";
  }

  open(): void {
    if (this.subscription) return;
    const subscription = subscriptionTo(this.channel, { language: readerLanguage() });
    if (!subscription) return;
    this.subscription = subscription;
    subscription.on("publication", ({ data }) => this.take(data as TimelineEvent));
    subscription.on("subscribed", (context) => this.welcome(context));
    subscription.on("unsubscribed", () => {
      if (this.subscription !== subscription) return;
      this.state.value = "refused";
      this.close();
    });
    subscription.subscribe();
  }

  close(): void {
    const subscription = this.subscription;
    this.subscription = null;
    if (subscription) forget(subscription);
  }

  /** Everything anew: the language has changed, or the history went on without us for too long. */
  async reload(): Promise<void> {
    await this.load({}, (page) => this.log.replace(page));
  }

  /** From now on in another language. */
  async readIn(language: string): Promise<void> {
    this.subscription?.setData({ language }); // for when it subscribes again
    await rpc("set_language", { timeline: this.channel, language }).catch((refusal: { code: number }) => {
      if (refusal.code !== METHOD_NOT_FOUND) throw refusal; // a server without translation
    });
    await this.reload();
  }

  /** The page before the first message. While any page is on its way this is that one: where to go on is known after it. */
  loadOlder(): Promise<void> {
    const first = this.log.items[0];
    if (this.loading) return this.loading;
    if (!this.log.older || !first) return Promise.resolve();
    return this.load({ before: first.offset, limit: NEXT_PAGE }, (page) => this.log.add(page, "older"));
  }

  /** The page behind the last message; as `loadOlder`. */
  loadNewer(): Promise<void> {
    const last = this.log.items.at(-1);
    if (this.loading) return this.loading;
    if (!this.log.newer || !last) return Promise.resolve();
    return this.load({ after: last.offset, limit: NEXT_PAGE }, (page) => this.log.add(page, "newer"));
  }

  /** Have a message in the log with its surroundings, wherever it is: not before the first page, which would take their place. */
  async find(id: Id): Promise<void> {
    const { offset } = await this.message(id);
    await this.begun;
    if (this.log.at(id)) return;
    await this.load({ before: offset + PAGE / 2 }, (page) => {
      const newest = page.items[0]?.offset ?? 0;
      this.log.replace(page, { newer: newest < this.offset && page.items.length > 0 });
    });
  }

  async message(id: Id): Promise<Message> {
    return this.log.at(id) ?? get<Message>(`${this.rest}/messages/${id}?language=${readerLanguage()}`);
  }

  edit(message: Message, text: string): Promise<unknown> {
    return rpc("edit", { timeline: this.channel, message_id: message.id, text });
  }

  remove(message: Message): Promise<unknown> {
    return rpc("delete", { timeline: this.channel, message_id: message.id });
  }

  react(message: Message, emoji: string): Promise<unknown> {
    const mine = message.reactions[emoji]?.includes(me.value?.id ?? "");
    return rpc(mine ? "unreact" : "react", { timeline: this.channel, message_id: message.id, emoji });
  }

  /** Another answer of an agent to a message. A program outside hears of messages only: it is asked anew, by who had asked. */
  async regenerate(question: Message, agent_id: Id): Promise<void> {
    try {
      await rpc("regenerate", { timeline: this.channel, message_id: question.id, agent_id });
    } catch (refusal) {
      const outside = (refusal as { code?: number }).code === BAD_REQUEST;
      if (!outside || question.author.id !== me.value?.id) throw refusal;
      void send(this.channel, question.text, null, null);
    }
  }

  stop(answer_id: string): Promise<unknown> {
    return rpc("cancel_answer", { timeline: this.channel, answer_id });
  }

  isTyping(typing: boolean): void {
    const now = Date.now();
    if (typing ? now - this.typedAt < TYPING_AGAIN : !this.typedAt) return;
    this.typedAt = typing ? now : 0;
    if (connection.value === "connected") rpc("typing", { timeline: this.channel, typing }).catch(() => undefined);
  }

  private async load(query: Record<string, number>, arrived: (page: MessagePage) => void): Promise<void> {
    while (this.loading) await this.loading;
    const parameters = new URLSearchParams({ limit: String(PAGE), language: readerLanguage() });
    for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
    this.log.expect();
    this.loading = get<MessagePage>(`${this.rest}/messages?${parameters}`).then(
      (page) => {
        this.loading = null;
        arrived(page);
        for (const message of page.items) {
          this.offset = Math.max(this.offset, message.offset);
          confirmed(message);
        }
        this.begin(); // who waits for this asks first, before the page is drawn and more of it is asked for
        this.state.value = "ready";
        this.version.value += 1;
      },
      (error: unknown) => {
        this.loading = null;
        this.log.abandon();
        if (this.state.value === "loading") this.state.value = "unreachable";
        throw error;
      },
    );
    return this.loading;
  }

  private welcome(context: SubscribedContext): void {
    const { room, conversation, members, answers, online, presence, typing } = context.data as Welcome;
    this.room.value = room ?? null;
    this.conversation.value = conversation ?? null;
    this.members.value = new Map(members.map((member) => [member.participant.id, member]));
    this.presence.value = new Map(Object.entries(presence ?? {}));
    this.online.value = online ?? null;
    this.typing.value = typing ?? [];
    this.answers.restart(answers ?? []);
    if (members.length > 1) {
      get<Page<Reader>>(`${this.rest}/read`).then(
        ({ items }) => this.noticeReads(items),
        () => undefined,
      );
    }
    const position = context.streamPosition?.offset ?? 0;
    this.offset = Math.max(this.offset, position);
    if (this.state.value !== "ready" || !context.recovered) void this.reload().catch(() => undefined);
  }

  private take(event: TimelineEvent): void {
    if ("offset" in event && event.type !== "read") this.offset = Math.max(this.offset, event.offset);
    switch (event.type) {
      case "message.posted":
        confirmed(event.message);
        if (event.message.answer_id) this.answers.posted(event.message.answer_id);
        this.log.apply(event);
        this.version.value += 1;
        break;
      case "message.edited":
      case "message.deleted":
      case "message.translated":
      case "reaction.added":
      case "reaction.removed":
        this.log.apply(event);
        this.version.value += 1;
        break;
      case "answer.started":
      case "answer.delta":
      case "answer.memories":
      case "answer.tool":
      case "answer.completed":
      case "answer.failed":
      case "answer.cancelled":
        this.answers.take(event);
        break;
      case "typing":
        this.typing.value = event.participants;
        break;
      case "read":
        this.noticeReads([{ participant_id: event.participant_id, last_read_offset: event.offset }]);
        break;
      case "presence":
        this.noticePresence(event);
        break;
      default:
        this.noticeMembers(event);
    }
    this.listener(event);
  }

  private noticeReads(readers: readonly Reader[]): void {
    const reads = new Map(this.reads.value);
    for (const { participant_id, last_read_offset } of readers)
      reads.set(participant_id, Math.max(last_read_offset, reads.get(participant_id) ?? 0)); // markers never go back
    this.reads.value = reads;
  }

  private noticePresence(event: Extract<TimelineEvent, { type: "presence" }>): void {
    const presence = new Map(this.presence.value);
    for (const change of "changes" in event ? event.changes : [event])
      presence.set(change.participant_id, change.presence);
    this.presence.value = presence;
    if ("online" in event) this.online.value = event.online;
    else if (this.online.value !== null) {
      this.online.value = [...presence.values()].filter((each) => each !== "offline").length;
    }
  }

  private noticeMembers(event: TimelineEvent): void {
    const members = new Map(this.members.value);
    switch (event.type) {
      case "member.joined":
        members.set(event.member.participant.id, event.member);
        break;
      case "member.left":
      case "member.removed":
        members.delete(event.participant_id);
        break;
      case "member.role_changed":
      case "member.muted": {
        const member = members.get(event.participant_id);
        if (!member) return;
        members.set(
          event.participant_id,
          event.type === "member.muted" ? { ...member, muted_until: event.until } : { ...member, role: event.role },
        );
        break;
      }
      case "room.updated":
        this.room.value = event.room;
        return;
      case "conversation.updated":
        this.conversation.value = event.conversation;
        return;
      case "room.archived":
        if (this.room.value) this.room.value = { ...this.room.value, archived_at: event.at };
        return;
      default:
        return;
    }
    this.members.value = members;
  }
}
