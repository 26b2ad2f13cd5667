import { useEffect, useMemo, useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Id, Message, TimelineKind } from "../../api/types.ts";
import { readHere, unread } from "../../chat/inbox.ts";
import { timeline as timelineOf } from "../../chat/open.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { connection, rpc } from "../../realtime/connection.ts";
import type { TimelineEvent } from "../../realtime/events.ts";
import { go, place } from "../../router.ts";
import { plain } from "../../text/markdown.ts";
import { announce } from "../../ui/announce.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { attempt } from "../../ui/toast.tsx";
import { Composer, type Intent } from "./composer.tsx";
import { Details } from "./details.tsx";
import { Header } from "./header.tsx";
import { History } from "./history.tsx";
import { Refused } from "./refused.tsx";
import type { Actions } from "./row.tsx";
import { TypingLine } from "./typing_line.tsx";

/** Milliseconds until what one looks at counts as read. */
const LOOK = 400;

/** A room or a conversation: its history, what goes on in it, and the place to write. */
export function ConversationView({ kind, id }: { kind: TimelineKind; id: Id }) {
  const timeline = timelineOf(kind, id);
  const [readBefore] = useState(() => {
    const counts = unread.value.get(id);
    return counts?.unread ? counts.last_read_offset : 0;
  });
  const [intent, setIntent] = useState<Intent>(null);
  const [details, showDetails] = useState(false);
  const [doomed, setDoomed] = useState<Message | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const target = place.value.query.get("message");

  useReading(timeline, atEnd);
  useEffect(() => {
    timeline.listener = announceNews;
    return () => {
      timeline.listener = () => undefined;
      timeline.isTyping(false);
    };
  }, [timeline]);

  const actions = useMemo<Actions>(
    () => ({
      reply: (message) => setIntent({ kind: "reply", message }),
      edit: (message) => setIntent({ kind: "edit", message }),
      remove: setDoomed,
      show: (message) => go(`/${kind}s/${id}?message=${message}`, { replace: true }),
    }),
    [kind, id],
  );

  if (timeline.state.value === "refused") return <Refused timeline={timeline} />;
  return (
    <div class={details ? "conversation with-details" : "conversation"}>
      <section class="talk" aria-label={timeline.name}>
        <Header timeline={timeline} details={details} onDetails={() => showDetails(!details)} />
        <History timeline={timeline} actions={actions} readBefore={readBefore} target={target} onEnd={setAtEnd} />
        <TypingLine timeline={timeline} />
        <Composer timeline={timeline} intent={intent} onIntent={setIntent} />
      </section>
      {details && <Details timeline={timeline} onClose={() => showDetails(false)} />}
      {doomed && <ConfirmRemoval message={doomed} timeline={timeline} onClose={() => setDoomed(null)} />}
    </div>
  );
}

/** Tells the server how far one has read, while one is there and sees the end. */
function useReading(timeline: Timeline, atEnd: boolean): void {
  const [there, setThere] = useState(isThere());
  useEffect(() => {
    const look = () => setThere(isThere());
    const names = ["focus", "blur", "visibilitychange"] as const;
    for (const name of names) addEventListener(name, look, true);
    return () => {
      for (const name of names) removeEventListener(name, look, true);
    };
  }, []);
  const { offset } = timeline;
  const ready = timeline.state.value === "ready" && connection.value === "connected";
  useEffect(() => {
    const last = unread.value.get(timeline.id);
    if (!there || !atEnd || !ready || !offset || (last && !last.unread && last.last_read_offset >= offset)) return;
    const look = setTimeout(() => {
      rpc("read", { timeline: timeline.channel, offset }).then(
        () => readHere(timeline.id, timeline.kind, offset),
        () => undefined,
      );
    }, LOOK);
    return () => clearTimeout(look);
  }, [there, atEnd, ready, offset, timeline.version.value]);
}

function isThere(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function announceNews(event: TimelineEvent): void {
  if (event.type !== "message.posted" || event.message.author.id === me.value?.id) return;
  announce(`${event.message.author.name}: ${plain(event.message.text)}`);
}

function ConfirmRemoval({ message, timeline, onClose }: { message: Message; timeline: Timeline; onClose: () => void }) {
  const remove = async () => {
    onClose();
    await attempt(() => timeline.remove(message));
  };
  return (
    <Dialog title={t("delete_message")} onClose={onClose}>
      <blockquote class="doomed" dir="auto">
        {plain(message.text)}
      </blockquote>
      <p>{t("delete_for_all")}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
        <button type="button" class="button danger" autofocus onClick={remove}>
          {t("delete")}
        </button>
      </div>
    </Dialog>
  );
}
