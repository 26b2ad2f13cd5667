/** What the server says of itself, asked every two seconds while an operator looks, and kept for an hour. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get } from "../api/http.ts";

export interface Node {
  path: string;
  state: string;
  generation: number;
  depth: number;
  capacity: number | null;
  high_water: number;
  oldest_for: number | null;
  current: string | null;
  current_for: number | null;
  idle_for: number | null;
  handled: number;
  restarts: number;
  last_exit: string | null;
  pool: Record<string, unknown> | null;
  children: Node[];
}

export interface Stats {
  uptime: number;
  actors: number;
  waiting: number;
  handled: number;
  restarts: number;
  dead_letters: Record<string, number>;
  [more: string]: unknown;
}

export interface Sample {
  at: number;
  actors: number;
  waiting: number;
  /** Messages between actors, a second. */
  rate: number;
  /** What the request for this took, in milliseconds. */
  answered: number;
  deadLetters: number;
  restarts: number;
}

const PERIOD = 2000;
const HOUR = 3_600_000;

export const stats = signal<Stats | null>(null);
export const tree = signal<Node | null>(null);
export const samples = signal<readonly Sample[]>([]);
/** Messages a second of each actor since the look before, by path. */
export const rates = signal<ReadonlyMap<string, number>>(new Map());
export const failing = signal(false);

let handledBefore = new Map<string, number>();
let lookedAt = 0;

export function keepSampling(): void {
  useEffect(() => {
    let over = false;
    let next = 0;
    const look = async () => {
      await sample().then(
        () => {
          failing.value = false;
        },
        () => {
          failing.value = true;
        },
      );
      if (!over) next = setTimeout(look, PERIOD);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(next);
    };
  }, []);
}

async function sample(): Promise<void> {
  const began = performance.now();
  const now = await get<Stats>("/admin/stats");
  const answered = performance.now() - began;
  const actors = await get<Node>("/admin/actors");
  const at = Date.now();
  const seconds = (at - lookedAt) / 1000;
  const before = stats.value;
  const fresh = before && now.uptime >= before.uptime && lookedAt > 0;
  if (fresh) {
    const last: Sample = {
      at,
      actors: now.actors,
      waiting: now.waiting,
      rate: Math.max(0, now.handled - before.handled) / seconds,
      answered,
      deadLetters: Object.values(now.dead_letters).reduce((sum, count) => sum + count, 0),
      restarts: now.restarts,
    };
    samples.value = [...samples.value.filter((each) => each.at > at - HOUR), last];
  }
  const handled = new Map(flatten(actors).map((node) => [node.path, node.handled]));
  if (fresh) {
    rates.value = new Map(
      [...handled].map(([path, count]) => [path, Math.max(0, count - (handledBefore.get(path) ?? count)) / seconds]),
    );
  }
  handledBefore = handled;
  lookedAt = at;
  stats.value = now;
  tree.value = actors;
}

export function flatten(node: Node): Node[] {
  return [node, ...node.children.flatMap(flatten)];
}
