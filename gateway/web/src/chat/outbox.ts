/**
 * What has been written and not yet confirmed. It is kept in IndexedDB, so that it survives a reload, and sent in order once
 * there is a connection. Each post has its `client_id` from the start: sent twice, it is posted once.
 */

import { signal } from "@preact/signals";
import { me } from "../api/session.ts";
import type { Id, Message } from "../api/types.ts";
import { isConnected, type Refusal, rpc } from "../realtime/connection.ts";

export interface Unsent {
  client_id: string;
  author: Id;
  channel: string;
  text: string;
  reply_to: Id | null;
  language: string | null;
  at: number;
  /** Why the server would not have it; it then waits for its author to decide. */
  refused?: string | undefined;
}

/** Everything unsent of whoever is signed in, oldest first. */
export const unsent = signal<readonly Unsent[]>([]);

const RETRY = 2000;
let sending = false;
let again = 0;

export async function loadOutbox(): Promise<void> {
  const kept = await run<Unsent[]>("readonly", (store) => store.getAll());
  unsent.value = kept.filter((each) => each.author === me.value?.id).sort((one, other) => one.at - other.at);
  void flush();
}

export async function send(channel: string, text: string, reply_to: Id | null, language: string | null): Promise<void> {
  const author = me.value?.id;
  if (!author) return;
  const last = unsent.value.at(-1)?.at ?? 0;
  const entry: Unsent = {
    client_id: crypto.randomUUID(),
    author,
    channel,
    text,
    reply_to,
    language,
    at: Math.max(Date.now(), last + 1),
  };
  unsent.value = [...unsent.value, entry];
  await run("readwrite", (store) => store.put(entry)).catch(() => undefined); // in private windows there may be no store
  void flush();
}

export async function discard(client_id: string): Promise<void> {
  unsent.value = unsent.value.filter((each) => each.client_id !== client_id);
  await run("readwrite", (store) => store.delete(client_id)).catch(() => undefined);
}

export async function retry(client_id: string): Promise<void> {
  unsent.value = unsent.value.map((each) => (each.client_id === client_id ? { ...each, refused: undefined } : each));
  await flush();
}

/** A message of ours is in the timeline: whatever became of the answer to the post. */
export function confirmed(message: Message): void {
  const { client_id } = message;
  if (!client_id || message.author.id !== me.value?.id) return;
  if (unsent.value.some((each) => each.client_id === client_id)) void discard(client_id);
}

/** Send what waits, one after the other: the order in which it was written is the order in which it is posted. */
export async function flush(): Promise<void> {
  if (sending) return;
  sending = true;
  try {
    for (let next = waiting(); next && isConnected(); next = waiting()) {
      if (!(await sendOne(next))) break;
    }
  } finally {
    sending = false;
  }
}

function waiting(): Unsent | undefined {
  return unsent.value.find((each) => !each.refused);
}

/** Whether to go on with the next one. */
async function sendOne({ client_id, channel, text, reply_to, language }: Unsent): Promise<boolean> {
  try {
    await rpc("post", { timeline: channel, text, client_id, reply_to, language });
    await discard(client_id);
    return true;
  } catch (error) {
    const { code, message, temporary } = error as Refusal;
    if (isFinal(code, temporary)) {
      unsent.value = unsent.value.map((each) => (each.client_id === client_id ? { ...each, refused: message } : each));
      return true;
    }
    clearTimeout(again);
    again = setTimeout(flush, RETRY);
    return false;
  }
}

/** Codes below 100 are the client's own: timeouts, no connection. */
function isFinal(code: number, temporary: boolean | undefined): boolean {
  return code >= 100 && !temporary;
}

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const opening = indexedDB.open("gathering", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("outbox", { keyPath: "client_id" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const transaction = (await open()).transaction("outbox", mode);
  const asked = work(transaction.objectStore("outbox"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result as T);
    transaction.onabort = () => reject(transaction.error);
  });
}
