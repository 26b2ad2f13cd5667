import { useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Message } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Icon, type IconName } from "../../ui/icon.tsx";
import { Popover } from "../../ui/popover.tsx";
import { attempt, toast } from "../../ui/toast.tsx";
import { QUICK } from "./emoji.ts";
import { ReactButton } from "./reactions.tsx";
import type { Actions } from "./row.tsx";

/** What can be done about one message; shown while the pointer or the focus is on it. */
export function MessageTools({
  message,
  timeline,
  actions,
}: {
  message: Message;
  timeline: Timeline;
  actions: Actions;
}) {
  const [anchor, setAnchor] = useState<DOMRect | null>(null);
  const mine = message.author.id === me.value?.id;
  const close = () => setAnchor(null);
  const answered = message.author.kind === "agent" && message.reply_to ? timeline.log.at(message.reply_to) : undefined;
  const question = answered?.deleted_at ? undefined : answered;
  const item = (icon: IconName, text: string, run: () => void, danger = false) => (
    <button
      type="button"
      role="menuitem"
      class={danger ? "danger" : undefined}
      onClick={() => {
        close();
        run();
      }}
    >
      <Icon name={icon} /> {text}
    </button>
  );
  const copy = (text: string) =>
    attempt(async () => navigator.clipboard.writeText(text).then(() => toast(t("copied"))));
  return (
    <div class={anchor ? "tools tools-open" : "tools"}>
      {QUICK.slice(0, 2).map((emoji) => (
        <button
          key={emoji}
          type="button"
          class="tool wide-only"
          aria-label={t("react_with", { emoji })}
          onClick={() => attempt(() => timeline.react(message, emoji))}
        >
          {emoji}
        </button>
      ))}
      <ReactButton message={message} timeline={timeline} />
      <button
        type="button"
        class="tool"
        aria-label={t("reply")}
        title={t("reply")}
        onClick={() => actions.reply(message)}
      >
        <Icon name="reply" />
      </button>
      <button
        type="button"
        class="tool"
        aria-label={t("more_actions")}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        <Icon name="more" />
      </button>
      {anchor && (
        <Popover anchor={anchor} label={t("more_actions")} onClose={close}>
          {mine && item("edit", t("edit"), () => actions.edit(message))}
          {question &&
            item("refresh", t("ask_again"), () => attempt(() => timeline.regenerate(question, message.author.id)))}
          {item("copy", t("copy_text"), () => copy(message.translation?.text ?? message.text))}
          {item("link", t("copy_link"), () =>
            copy(`${location.origin}/${timeline.kind}s/${timeline.id}?message=${message.id}`),
          )}
          {(mine || timeline.moderated) && item("trash", t("delete"), () => actions.remove(message), true)}
        </Popover>
      )}
    </div>
  );
}
