/** Who has read a timeline up to which message. */

import type { Id, Message } from "../api/types.ts";

/** For each of the messages that is the last one that somebody has read: who, as ids with spaces between, in a fixed order. */
export function lastRead(
  messages: readonly Message[],
  reads: ReadonlyMap<Id, number>,
  people: ReadonlySet<Id>,
  endless: boolean,
): ReadonlyMap<Id, string> {
  const found = new Map<Id, string>();
  for (const [person, offset] of [...reads].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const message = people.has(person) ? messages[lastUpTo(messages, offset)] : undefined;
    if (!message || (endless && message === messages.at(-1))) continue; // it is further on, where nothing is loaded
    const others = found.get(message.id);
    found.set(message.id, others ? `${others} ${person}` : person);
  }
  return found;
}

/** The place of the last message at or below an offset; -1 without one. */
function lastUpTo(messages: readonly Message[], offset: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
