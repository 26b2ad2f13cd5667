import { useLayoutEffect, useRef } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { type Names, render } from "../../text/markdown.ts";

/** A text as Markdown. `lang` is the language that it is in, for hyphens, fonts and voices. */
export function Prose({ text, lang, timeline }: { text: string; lang: string | null; timeline: Timeline }) {
  const box = useRef<HTMLDivElement>(null);
  const names = namesOf(timeline);
  useLayoutEffect(() => {
    box.current?.replaceChildren(render(text, names, me.value?.id));
  }, [text, names]);
  return <div ref={box} class="prose" dir="auto" lang={lang ?? undefined} />;
}

const known = new WeakMap<object, Names>();

/** Whom a text in a timeline may mention: usernames and names in lower case, and everyone. */
function namesOf(timeline: Timeline): Names {
  const members = timeline.members.value;
  const found = known.get(members);
  if (found) return found;
  const names = new Map<string, string | null>();
  for (const { participant, username } of members.values()) {
    if (username) names.set(username.toLowerCase(), participant.id);
    names.set(participant.name.toLowerCase(), participant.id);
  }
  names.set("room", null);
  known.set(members, names);
  return names;
}
