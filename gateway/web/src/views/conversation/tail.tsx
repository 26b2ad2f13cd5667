import { me } from "../../api/session.ts";
import type { Message } from "../../api/types.ts";
import type { LiveAnswer } from "../../chat/answers.ts";
import { discard, retry, type Unsent, unsent } from "../../chat/outbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { clock } from "../../text/time.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Icon } from "../../ui/icon.tsx";
import { attempt } from "../../ui/toast.tsx";
import { Prose } from "./text.tsx";
import { UsedRow } from "./used.tsx";

/** What follows the last message: answers that are being written, and what one has written that is not sent yet. */
export function Tail({ timeline }: { timeline: Timeline }) {
  const waiting = unsent.value.filter((each) => each.channel === timeline.channel);
  return (
    <div class="tail">
      {timeline.answers.live.value.map((answer) => (
        <AnswerRow key={answer.id} answer={answer} timeline={timeline} />
      ))}
      {waiting.map((each) => (
        <UnsentRow key={each.client_id} entry={each} timeline={timeline} />
      ))}
    </div>
  );
}

function AnswerRow({ answer, timeline }: { answer: LiveAnswer; timeline: Timeline }) {
  const ended = answer.ended.value;
  const question = answer.question ? timeline.log.at(answer.question) : undefined;
  return (
    <div class="row row-answer" aria-busy={!ended}>
      <div class="row-body">
        <Avatar who={answer.author} />
        <div class="row-content">
          <header class="row-head">
            <strong dir="auto">{answer.author.name}</strong>
            <span class="tag">{t("agent")}</span>
            {!ended && <span class="writing">{t("writes_an_answer")}</span>}
          </header>
          <UsedRow used={answer.used.value} agent={answer.author.id} timeline={timeline} />
          {answer.text.value ? <Prose text={answer.text.value} lang={null} timeline={timeline} /> : !ended && <Dots />}
          <p class="answer-foot">
            {ended ? (
              <>
                <span class="field-error">
                  {ended.how === "failed" ? t("answer_failed", { detail: ended.detail }) : t("answer_cancelled")}
                </span>
                {question && !question.deleted_at && (
                  <button
                    type="button"
                    class="button small"
                    onClick={() => attempt(() => regenerate(timeline, answer, question))}
                  >
                    <Icon name="refresh" size={14} /> {t("ask_again")}
                  </button>
                )}
                <button type="button" class="button small" onClick={() => timeline.answers.posted(answer.id)}>
                  {t("dismiss")}
                </button>
              </>
            ) : (
              <button type="button" class="button small" onClick={() => attempt(() => timeline.stop(answer.id))}>
                <Icon name="stop" size={14} /> {t("stop_answer")}
              </button>
            )}
          </p>
        </div>
      </div>
    </div>
  );
}

async function regenerate(timeline: Timeline, answer: LiveAnswer, question: Message): Promise<void> {
  await timeline.regenerate(question, answer.author.id);
  timeline.answers.posted(answer.id);
}

function UnsentRow({ entry, timeline }: { entry: Unsent; timeline: Timeline }) {
  const user = me.value;
  if (!user) return null;
  return (
    <div class="row row-unsent" data-client-id={entry.client_id}>
      <div class="row-body">
        <Avatar who={{ id: user.id, kind: "user", name: user.display_name ?? user.username }} />
        <div class="row-content">
          <header class="row-head">
            <strong dir="auto">{user.display_name ?? user.username}</strong>
            <time>{clock(entry.at)}</time>
            {!entry.refused && <span class="writing">{t("sending")}</span>}
          </header>
          <Prose text={entry.text} lang={entry.language} timeline={timeline} />
          {entry.refused && (
            <p class="answer-foot">
              <span class="field-error">{t("not_sent", { reason: entry.refused })}</span>
              <button type="button" class="button small" onClick={() => retry(entry.client_id)}>
                {t("try_again")}
              </button>
              <button type="button" class="button small" onClick={() => discard(entry.client_id)}>
                {t("discard")}
              </button>
            </p>
          )}
        </div>
      </div>
    </div>
  );
}

function Dots() {
  return (
    <span class="dots" aria-hidden="true">
      <i />
      <i />
      <i />
    </span>
  );
}
