/** Answers that agents are writing at this moment. The text of each is a signal of its own, changed at most once a frame. */

import { type Signal, signal } from "@preact/signals";
import type { Answer, Id, MemoryUsed, Participant } from "../api/types.ts";
import type { AnswerEvent } from "../realtime/events.ts";

/** What an agent has made use of: the tools that it has called, in order, and how each stands; what it remembers. */
export interface Used {
  tools: ReadonlyMap<string, string>;
  memories: readonly MemoryUsed[];
}

const NOTHING: Used = { tools: new Map(), memories: [] };
/** Of so many answers it is known here what they used: one sees it under those that one has seen written. */
const KEPT = 200;

export interface LiveAnswer {
  id: string;
  author: Participant;
  question: Id | null;
  text: Signal<string>;
  used: Signal<Used>;
  /** Why it ended without becoming a message. */
  ended: Signal<{ how: "failed" | "cancelled"; detail: string } | null>;
}

export class Answers {
  readonly live = signal<readonly LiveAnswer[]>([]);
  private pending = new Map<string, string>();
  private finished = new Map<string, Used>();
  private frame = 0;

  /** Begin anew with the answers that are under way, as a subscription tells them. */
  restart(answers: readonly Answer[]): void {
    this.pending.clear();
    this.live.value = answers.map((answer) =>
      begun(answer.answer_id, answer.author, answer.question ?? null, answer.text),
    );
  }

  /** The message that an answer has become is there. */
  posted(answer_id: string): void {
    this.pending.delete(answer_id);
    const used = this.live.value.find((each) => each.id === answer_id)?.used.value;
    if (used && used !== NOTHING) this.finished.set(answer_id, used);
    for (const oldest of this.finished.keys()) {
      if (this.finished.size <= KEPT) break;
      this.finished.delete(oldest);
    }
    this.live.value = this.live.value.filter((each) => each.id !== answer_id);
  }

  /** What the answer used that a message was, if it was seen to be written. */
  usedFor(answer_id: string): Used | undefined {
    return this.finished.get(answer_id);
  }

  take(event: AnswerEvent): void {
    const answer = this.live.value.find((each) => each.id === event.answer_id);
    switch (event.type) {
      case "answer.started":
        if (!answer)
          this.live.value = [...this.live.value, begun(event.answer_id, event.author, event.question ?? null, "")];
        break;
      case "answer.delta":
        if (answer) this.extend(answer, event.text, event.length);
        break;
      case "answer.tool":
        if (answer) {
          const tools = new Map(answer.used.value.tools).set(event.name, event.state);
          answer.used.value = { ...answer.used.value, tools };
        }
        break;
      case "answer.memories":
        if (answer) answer.used.value = { ...answer.used.value, memories: event.memories };
        break;
      case "answer.completed":
        this.posted(event.answer_id);
        break;
      case "answer.failed":
      case "answer.cancelled":
        if (!answer) return;
        this.pending.delete(answer.id);
        if (event.text) answer.text.value = event.text;
        answer.ended.value = {
          how: event.type === "answer.failed" ? "failed" : "cancelled",
          detail: "detail" in event ? event.detail : "",
        };
    }
  }

  private extend(answer: LiveAnswer, text: string, length: number): void {
    const sofar = this.pending.get(answer.id) ?? answer.text.value;
    if (characters(sofar) >= length) return; // had it already
    this.pending.set(answer.id, sofar + text);
    this.frame ||= requestAnimationFrame(() => this.show());
  }

  private show(): void {
    this.frame = 0;
    for (const answer of this.live.value) {
      const text = this.pending.get(answer.id);
      if (text !== undefined) answer.text.value = text;
    }
    this.pending.clear();
  }
}

function begun(id: string, author: Participant, question: Id | null, text: string): LiveAnswer {
  return { id, author, question, text: signal(text), used: signal(NOTHING), ended: signal(null) };
}

/** The server counts code points. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
