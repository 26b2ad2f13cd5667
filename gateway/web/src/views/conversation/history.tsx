import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Id, Message } from "../../api/types.ts";
import { lastRead } from "../../chat/readers.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { isSameDay } from "../../text/time.ts";
import { Icon } from "../../ui/icon.tsx";
import { memo } from "../../ui/memo.ts";
import { type Actions, MessageRow } from "./row.tsx";
import { Sizes } from "./sizes.ts";
import { Tail } from "./tail.tsx";
import { type Range, Viewport } from "./viewport.ts";

/** Minutes in which messages of one author stand together. */
const TOGETHER = 5 * 60_000;
/** So many rows before the first or last one the next page is asked for. */
const AHEAD = 100;
/** Pixels above the first row: where the beginning, or that more is coming, is said. */
const HEAD = 96;

interface Props {
  timeline: Timeline;
  actions: Actions;
  /** The offset up to which one had read when the timeline was opened; 0 when that was everything. */
  readBefore: number;
  /** A message that was asked for, shown in the middle and marked. */
  target: Id | null;
  onEnd: (atEnd: boolean) => void;
}

/** The messages of a timeline. However many there are, only those near the window are drawn. */
export function History({ timeline, actions, readBefore, target, onEnd }: Props) {
  const { log } = timeline;
  const version = timeline.version.value;
  const scroller = useRef<HTMLDivElement>(null);
  const viewport = useMemo(() => new Viewport(), []);
  const [, draw] = useState(0);
  const [atEnd, setAtEnd] = useState(true);
  const drawn = useRef<Range>({ start: 0, end: 0 });
  const scrolledTo = useRef(0);

  /** Take in how far one has scrolled. Its event may come after the list has changed, so whoever changes the list looks first. */
  const catchUp = useCallback(
    (anyway = false) => {
      const box = scroller.current;
      if (!box || (!anyway && Math.abs(box.scrollTop - scrolledTo.current) < 1)) return;
      scrolledTo.current = box.scrollTop;
      viewport.scrolled(box.scrollTop - HEAD, box.scrollHeight - box.clientHeight - box.scrollTop, log.newer);
    },
    [timeline],
  );
  catchUp();

  useMemo(
    () =>
      viewport.rows(
        log.items.map((each) => each.id),
        (id) => log.indexOf(id),
      ),
    [version],
  );
  const readers = useReaders(timeline, version);
  const range = viewport.range(scroller.current?.clientHeight ?? innerHeight);
  drawn.current = range;

  const settle = useCallback(() => {
    const box = scroller.current;
    if (!box) return;
    const wanted = viewport.atEnd ? box.scrollHeight - box.clientHeight : viewport.top() + HEAD;
    if (Math.abs(box.scrollTop - wanted) >= 1) box.scrollTop = wanted;
    scrolledTo.current = box.scrollTop;
  }, []);

  const measure = useCallback((rows: Iterable<Element>) => {
    let news = false;
    for (const row of rows) {
      const { id } = (row as HTMLElement).dataset;
      if (id) news = viewport.measure(id, row.getBoundingClientRect().height) || news;
    }
    return news;
  }, []);

  const redraw = useCallback(() => {
    const next = viewport.range(scroller.current?.clientHeight ?? innerHeight);
    if (next.start !== drawn.current.start || next.end !== drawn.current.end) draw((count) => count + 1);
  }, []);

  const sizes = useMemo(
    () =>
      new Sizes((changed) => {
        catchUp();
        measure(changed);
        settle();
        redraw();
      }),
    [],
  );
  useEffect(() => () => sizes.forget(), []);

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) return;
    measure(sizes.watch([box, ...box.querySelectorAll(".row[data-id], .tail")]));
    settle();
    redraw();
  });

  const reach = useCallback(() => {
    if (!log.items.length) return;
    if (log.older && drawn.current.start < AHEAD) void timeline.loadOlder().catch(() => undefined);
    if (log.newer && drawn.current.end > log.items.length - AHEAD) void timeline.loadNewer().catch(() => undefined);
  }, [timeline]);
  useEffect(reach, [version, range.start, range.end]);

  const onScroll = () => {
    catchUp();
    if (viewport.atEnd !== atEnd) setAtEnd(viewport.atEnd);
    redraw();
    reach();
  };
  useEffect(() => onEnd(atEnd), [atEnd]);

  useEffect(() => {
    if (!target) return;
    void (async () => {
      if (!log.at(target)) await timeline.find(target).catch(() => undefined);
      if (log.at(target)) viewport.show(target, (scroller.current?.clientHeight ?? 600) / 3);
      draw((count) => count + 1);
      requestAnimationFrame(() => {
        catchUp(true); // it may be so near to the end that this is the end
        onScroll();
      });
    })();
  }, [target]);

  const toEnd = async () => {
    viewport.toEnd();
    if (log.newer) await timeline.reload().catch(() => undefined);
    setAtEnd(true);
    draw((count) => count + 1);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const rows = [...(scroller.current?.querySelectorAll<HTMLElement>(".row[data-id]") ?? [])];
    const here = rows.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step && (event.target === scroller.current || here >= 0)) {
      event.preventDefault();
      const next = here < 0 ? rows.at(-1) : rows[here + step];
      next?.focus({ preventScroll: true });
      next?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "End" && here < 0) void toEnd();
  };

  const empty = timeline.state.value === "ready" && !log.items.length;
  const messages = log.items.slice(range.start, range.end);
  return (
    <div class="history-place">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a feed once it has articles */}
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: likewise */}
      <div
        ref={scroller}
        class="history"
        tabIndex={0}
        role={messages.length ? "feed" : "group"}
        aria-label={t("messages")}
        aria-busy={timeline.state.value === "loading"}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        <div class="history-inner">
          <Head timeline={timeline} older={log.older} empty={empty} />
          <div style={{ height: `${viewport.before(range.start)}px` }} />
          {messages.map((message, index) => (
            <Placed
              key={message.id}
              message={message}
              before={log.items[range.start + index - 1]}
              timeline={timeline}
              actions={actions}
              readBefore={readBefore}
              marked={message.id === target}
              readers={readers.get(message.id) ?? ""}
            />
          ))}
          <div style={{ height: `${viewport.after(range.end)}px` }} />
          {!log.newer && <Tail timeline={timeline} />}
        </div>
      </div>
      {!atEnd && (
        <button type="button" class="to-end" onClick={toEnd} aria-label={t("to_newest")} title={t("to_newest")}>
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

function useReaders(timeline: Timeline, version: number): ReadonlyMap<Id, string> {
  const { log } = timeline;
  const reads = timeline.reads.value;
  const members = timeline.members.value;
  return useMemo(() => {
    const others = [...members.values()].filter(
      ({ participant: { id, kind } }) => kind === "user" && id !== me.value?.id,
    );
    return lastRead(log.items, reads, new Set(others.map(({ participant }) => participant.id)), log.newer);
  }, [reads, members, version]);
}

interface Place {
  message: Message;
  before: Message | undefined;
  timeline: Timeline;
  actions: Actions;
  readBefore: number;
  marked: boolean;
  readers: string;
}

const Placed = memo(function Placed({ message, before, timeline, actions, readBefore, marked, readers }: Place) {
  const newDay = !before || !isSameDay(before.created_at, message.created_at);
  const firstUnread = readBefore > 0 && message.offset > readBefore && (before?.offset ?? 0) <= readBefore;
  const near = before && Date.parse(message.created_at) - Date.parse(before.created_at) < TOGETHER;
  const together = Boolean(
    near && !newDay && !firstUnread && before?.author.id === message.author.id && !message.reply_to && !message.partial,
  );
  return (
    <MessageRow
      message={message}
      timeline={timeline}
      actions={actions}
      newDay={newDay}
      firstUnread={firstUnread}
      together={together}
      marked={marked}
      readers={readers}
    />
  );
});

function Head({ timeline, older, empty }: { timeline: Timeline; older: boolean; empty: boolean }) {
  const { state } = timeline;
  if (state.value === "loading") return <Skeleton />;
  if (state.value === "unreachable") {
    return (
      <div class="history-head">
        <p>{t("history_unreachable")}</p>
        <button type="button" class="button" onClick={() => timeline.reload().catch(() => undefined)}>
          {t("try_again")}
        </button>
      </div>
    );
  }
  if (older) return <div class="history-head history-more" role="status" aria-label={t("loading_older")} />;
  return (
    <div class="history-head">
      <p>{empty ? t("nothing_said_yet") : t("beginning", { name: timeline.name })}</p>
    </div>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      {[62, 40, 78, 55].map((width) => (
        <div key={width} class="skeleton-row">
          <span class="skeleton-avatar" />
          <span class={`skeleton-lines skeleton-${width}`} />
        </div>
      ))}
    </div>
  );
}
