import { useState } from "preact/hooks";
import { me } from "../../api/session.ts";
import type { Message } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t, tn } from "../../i18n/index.ts";
import { Icon } from "../../ui/icon.tsx";
import { Popover } from "../../ui/popover.tsx";
import { attempt } from "../../ui/toast.tsx";
import { BOARD } from "./emoji.ts";

/** Who has reacted how; a press adds or takes back one's own. */
export function Reactions({ message, timeline }: { message: Message; timeline: Timeline }) {
  const entries = Object.entries(message.reactions);
  if (!entries.length || message.deleted_at) return null;
  const nameOf = (id: string) =>
    id === me.value?.id ? t("you") : (timeline.members.value.get(id)?.participant.name ?? "…");
  return (
    <div class="reactions">
      {entries.map(([emoji, people]) => (
        <button
          key={emoji}
          type="button"
          class="reaction"
          aria-pressed={people.includes(me.value?.id ?? "")}
          aria-label={`${emoji} ${tn("reactions", people.length)}`}
          title={people.slice(0, 20).map(nameOf).join(", ")}
          onClick={() => attempt(() => timeline.react(message, emoji))}
        >
          <span aria-hidden="true">{emoji}</span> {people.length}
        </button>
      ))}
    </div>
  );
}

/** The button that opens the board of reactions. */
export function ReactButton({ message, timeline }: { message: Message; timeline: Timeline }) {
  const [anchor, setAnchor] = useState<DOMRect | null>(null);
  const close = () => setAnchor(null);
  return (
    <>
      <button
        type="button"
        class="tool"
        aria-label={t("react")}
        title={t("react")}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        <Icon name="smile" />
      </button>
      {anchor && (
        <Popover anchor={anchor} label={t("react")} onClose={close}>
          <div class="board">
            {BOARD.map((emoji) => (
              <button
                key={emoji}
                type="button"
                role="menuitem"
                onClick={() => {
                  close();
                  void attempt(() => timeline.react(message, emoji));
                }}
              >
                {emoji}
              </button>
            ))}
          </div>
        </Popover>
      )}
    </>
  );
}
