/** The timelines that are open: the one that is shown, and the few before it, kept live so that going back is instant. */

import type { Id, TimelineKind } from "../api/types.ts";
import { Timeline } from "./timeline.ts";

const KEPT = 8;
const open = new Map<string, Timeline>();

export function timeline(kind: TimelineKind, id: Id): Timeline {
  const channel = `${kind}:${id}`;
  let found = open.get(channel);
  if (found && found.state.value === "refused") found = undefined;
  found ??= new Timeline(kind, id);
  open.delete(channel);
  open.set(channel, found); // the most recent is the last
  for (const [name, old] of open) {
    if (open.size <= KEPT) break;
    old.close();
    open.delete(name);
  }
  found.open();
  return found;
}

export function openTimelines(): Timeline[] {
  return [...open.values()];
}

export function closeAll(): void {
  for (const each of open.values()) each.close();
  open.clear();
}
