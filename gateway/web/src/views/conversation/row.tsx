import { useEffect, useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Id, Message } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { languageName, t } from "../../i18n/index.ts";
import { plain } from "../../text/markdown.ts";
import { clock, day, moment } from "../../text/time.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Icon } from "../../ui/icon.tsx";
import { memo } from "../../ui/memo.ts";
import { MessageTools } from "./message_tools.tsx";
import { Reactions } from "./reactions.tsx";
import { Readers } from "./readers.tsx";
import { Prose } from "./text.tsx";
import { UsedRow } from "./used.tsx";

/** What can be done about a message, besides what the timeline does by itself. */
export interface Actions {
  reply: (message: Message) => void;
  edit: (message: Message) => void;
  remove: (message: Message) => void;
  show: (id: Id) => void;
}

interface Props {
  message: Message;
  timeline: Timeline;
  actions: Actions;
  newDay: boolean;
  firstUnread: boolean;
  /** It continues what the same author has just said. */
  together: boolean;
  marked: boolean;
  /** The ids of those who have read up to here and no further, with spaces between. */
  readers: string;
}

/** What can be done about it is drawn once the pointer or the focus comes near: most rows that pass are only read. */
export const MessageRow = memo(function MessageRow({
  message,
  timeline,
  actions,
  newDay,
  firstUnread,
  together,
  marked,
  readers,
}: Props) {
  const mine = message.author.id === me.value?.id;
  const [near, setNear] = useState(false);
  const come = () => setNear(true);
  const used = message.answer_id ? timeline.answers.usedFor(message.answer_id) : undefined;
  const concerns = !mine && (message.mentions.includes(me.value?.id ?? "") || message.mentions_all);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey || message.deleted_at)
      return;
    const key = event.key.toLowerCase();
    if (key === "r") actions.reply(message);
    else if (key === "e" && mine) actions.edit(message);
    else if ((key === "d" || key === "delete") && (mine || timeline.moderated)) actions.remove(message);
    else return;
    event.preventDefault();
  };
  return (
    <article
      class={`row ${together ? "row-together" : ""} ${concerns ? "row-concerns" : ""} ${marked ? "row-marked" : ""}`}
      data-id={message.id}
      tabIndex={-1}
      aria-label={`${message.author.name}, ${clock(message.created_at)}`}
      onKeyDown={onKeyDown}
      onPointerEnter={come}
      onFocusIn={come}
    >
      {newDay && (
        <div class="day">
          <time dateTime={message.created_at.slice(0, 10)}>{day(message.created_at)}</time>
        </div>
      )}
      {firstUnread && <div class="first-unread">{t("new_messages")}</div>}
      <div class="row-body">
        {together ? (
          <time class="row-time" dateTime={message.created_at} title={moment(message.created_at)}>
            {clock(message.created_at)}
          </time>
        ) : (
          <Avatar who={message.author} presence={timeline.presence.value.get(message.author.id)} />
        )}
        <div class="row-content">
          {!together && (
            <header class="row-head">
              <strong dir="auto">{message.author.name}</strong>
              {message.author.kind === "agent" && <span class="tag">{t("agent")}</span>}
              {message.partial && <span class="writing">{t("stopped")}</span>}
              <time dateTime={message.created_at} title={moment(message.created_at)}>
                {clock(message.created_at)}
              </time>
            </header>
          )}
          {message.reply_to && <Quoted id={message.reply_to} timeline={timeline} onShow={actions.show} />}
          {used && <UsedRow used={used} agent={message.author.id} timeline={timeline} />}
          <Body message={message} timeline={timeline} />
          <Reactions message={message} timeline={timeline} />
        </div>
        {readers && <Readers ids={readers} timeline={timeline} />}
        {near && !message.deleted_at && <MessageTools message={message} timeline={timeline} actions={actions} />}
      </div>
    </article>
  );
});

/** What a message says: in the reader's language where there is a translation, with the original one click away. */
function Body({ message, timeline }: { message: Message; timeline: Timeline }) {
  const [original, setOriginal] = useState(false);
  if (message.deleted_at) return <p class="deleted">{t("deleted")}</p>;
  const { translation } = message;
  const translated = translation && translation.text !== message.text;
  const edited = message.edited_at && (
    <span class="edited" title={moment(message.edited_at)}>
      {t("edited")}
    </span>
  );
  if (!translated) {
    return (
      <>
        <Prose text={message.text} lang={message.language} timeline={timeline} />
        {edited}
      </>
    );
  }
  const shown = original
    ? { text: message.text, lang: message.language }
    : { text: translation.text, lang: translation.language };
  return (
    <>
      <Prose text={shown.text} lang={shown.lang} timeline={timeline} />
      <p class="translated">
        <Icon name="globe" size={13} />
        {message.language
          ? t(original ? "original_in" : "translated_from", { language: languageName(message.language) })
          : t("translated")}
        {" · "}
        <button type="button" class="link" aria-pressed={original} onClick={() => setOriginal(!original)}>
          {original ? t("show_translation") : t("show_original")}
        </button>{" "}
        {edited}
      </p>
    </>
  );
}

/** The message that this one answers, in one line. */
function Quoted({ id, timeline, onShow }: { id: Id; timeline: Timeline; onShow: (id: Id) => void }) {
  const here = timeline.version.value >= 0 ? timeline.log.at(id) : undefined; // drawn again when the log changes
  const [found, setFound] = useState<Message | null>(null);
  useEffect(() => {
    if (!here && !found) timeline.message(id).then(setFound, () => undefined);
  }, [id, here === undefined]);
  const message = here ?? found;
  return (
    <button type="button" class="quoted" onClick={() => onShow(id)}>
      <Icon name="reply" size={13} />
      <strong dir="auto">{message?.author.name ?? "…"}</strong>
      <span dir="auto">
        {message ? (message.deleted_at ? t("deleted") : plain(message.translation?.text ?? message.text)) : ""}
      </span>
    </button>
  );
}
