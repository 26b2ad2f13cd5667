import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Message } from "../../api/types.ts";
import { send } from "../../chat/outbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { plain } from "../../text/markdown.ts";
import { Icon } from "../../ui/icon.tsx";
import { LanguageSelect } from "../../ui/language_select.tsx";
import { attempt } from "../../ui/toast.tsx";
import { MentionList, type Suggestion, suggestions } from "./mentioning.tsx";

/** What is being written: something new, an answer to a message, or a message anew. */
export type Intent = { kind: "reply" | "edit"; message: Message } | null;

const LONGEST = 4000;
const NEARLY = 3600;
const drafts = new Map<string, string>();
const WRITES_IN = "gathering.writes_in";

interface Props {
  timeline: Timeline;
  intent: Intent;
  onIntent: (intent: Intent) => void;
}

/** The place to write. Enter sends, Shift and Enter begins a line, Up in the empty field edits one's last message. */
export function Composer({ timeline, intent, onIntent }: Props) {
  const { channel } = timeline;
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(drafts.get(channel) ?? "");
  const [language, setLanguage] = useState(localStorage.getItem(WRITES_IN) ?? "");
  const [offered, setOffered] = useState<Suggestion[]>([]);
  const [at, setAt] = useState(0);

  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, [channel]);
  useLayoutEffect(() => {
    if (intent?.kind === "edit") setText(intent.message.text);
    if (intent) field.current?.focus();
  }, [intent]);
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }, [text]);

  const write = (value: string) => {
    setText(value);
    if (intent?.kind !== "edit") drafts.set(channel, value);
    timeline.isTyping(value.trim().length > 0);
    setOffered(suggestions(timeline, value, field.current?.selectionStart ?? value.length));
    setAt(0);
  };
  const stop = () => {
    if (intent?.kind === "edit") setText(drafts.get(channel) ?? "");
    onIntent(null);
    setOffered([]);
  };
  const submit = async () => {
    const said = text.trim();
    if (!said || said.length > LONGEST) return;
    timeline.isTyping(false);
    setOffered([]);
    if (intent?.kind === "edit") {
      const { message } = intent;
      if (said === message.text || (await attempt(() => timeline.edit(message, said)))) stop();
      return;
    }
    setText("");
    drafts.delete(channel);
    onIntent(null);
    await send(channel, said, intent?.message.id ?? null, language || null);
  };
  const complete = (chosen: Suggestion) => {
    const caret = field.current?.selectionStart ?? text.length;
    const start = text.lastIndexOf("@", caret - 1);
    const value = `${text.slice(0, start)}@${chosen.name} ${text.slice(caret)}`;
    write(value);
    setOffered([]);
    field.current?.focus();
    const end = start + chosen.name.length + 2;
    requestAnimationFrame(() => field.current?.setSelectionRange(end, end));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const chosen = offered[at];
    if (chosen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      setAt((at + (event.key === "ArrowDown" ? 1 : -1) + offered.length) % offered.length);
    } else if (chosen && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      complete(chosen);
    } else if (event.key === "Escape" && (offered.length || intent)) {
      event.preventDefault();
      if (offered.length) setOffered([]);
      else stop();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void submit();
    } else if (event.key === "ArrowUp" && !text) {
      const last = timeline.log.items.findLast((each) => each.author.id === me.value?.id && !each.deleted_at);
      if (last) {
        event.preventDefault();
        onIntent({ kind: "edit", message: last });
      }
    }
  };

  const member = timeline.members.value.get(me.value?.id ?? "");
  if (timeline.archived) return <p class="composer-closed">{t("archived_read_only")}</p>;
  if (member?.muted_until && Date.parse(member.muted_until) > Date.now())
    return <p class="composer-closed">{t("muted")}</p>;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {offered.length > 0 && <MentionList offered={offered} at={at} onChoose={complete} />}
      {intent && <IntentLine intent={intent} onStop={stop} />}
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          value={text}
          aria-label={t("message_to", { name: timeline.name })}
          placeholder={t("message_to", { name: timeline.name })}
          aria-autocomplete="list"
          aria-controls={offered.length ? "mentions" : undefined}
          aria-activedescendant={offered.length ? `mention-${at}` : undefined}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          onBlur={() => setTimeout(() => setOffered([]), 150)}
        />
        {text.length > NEARLY && (
          <span class={text.length > LONGEST ? "left left-none" : "left"} role="status">
            {LONGEST - text.length}
          </span>
        )}
        <LanguageSelect
          class="writes-in wide-only"
          aria-label={t("written_in")}
          title={t("written_in")}
          value={language}
          empty={t(me.value?.language ? "own_language" : "any_language_short")}
          onChange={(chosen) => {
            setLanguage(chosen);
            localStorage.setItem(WRITES_IN, chosen);
          }}
        />
        <button
          type="submit"
          class="send"
          aria-label={intent?.kind === "edit" ? t("save") : t("send")}
          disabled={!text.trim()}
        >
          <Icon name={intent?.kind === "edit" ? "check" : "send"} />
        </button>
      </div>
    </form>
  );
}

function IntentLine({ intent, onStop }: { intent: NonNullable<Intent>; onStop: () => void }) {
  const { kind, message } = intent;
  return (
    <p class="intent">
      <Icon name={kind === "edit" ? "edit" : "reply"} size={14} />
      <strong>{kind === "edit" ? t("editing") : t("replying_to", { name: message.author.name })}</strong>
      <span dir="auto">{plain(message.text)}</span>
      <button type="button" class="quiet" aria-label={t("cancel")} onClick={onStop}>
        <Icon name="close" size={16} />
      </button>
    </p>
  );
}
