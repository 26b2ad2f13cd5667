import { me } from "../../api/session.ts";
import type { Participant } from "../../api/types.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Icon } from "../../ui/icon.tsx";

export interface Suggestion {
  /** What stands after the @. */
  name: string;
  /** Whom it means; null for everyone. */
  who: Participant | null;
}

const MOST = 6;
const BEGUN = /(?:^|[\s(])@([\p{L}\p{N}_.-]*)$/u;

/** Who may be meant by the name that is begun before the caret. */
export function suggestions(timeline: Timeline, text: string, caret: number): Suggestion[] {
  const begun = BEGUN.exec(text.slice(0, caret))?.[1]?.toLowerCase();
  if (begun === undefined) return [];
  const found: Suggestion[] = [];
  for (const { participant, username } of timeline.members.value.values()) {
    const name = username ?? participant.name;
    const fits =
      name.toLowerCase().startsWith(begun) ||
      participant.name
        .toLowerCase()
        .split(" ")
        .some((word) => word.startsWith(begun));
    if (fits && participant.id !== me.value?.id) found.push({ name, who: participant });
  }
  if (timeline.kind === "room" && "room".startsWith(begun)) found.push({ name: "room", who: null });
  return found.slice(0, MOST);
}

export function MentionList({
  offered,
  at,
  onChoose,
}: {
  offered: Suggestion[];
  at: number;
  onChoose: (chosen: Suggestion) => void;
}) {
  return (
    <div class="mentions" id="mentions" role="listbox" aria-label={t("people")}>
      {offered.map((each, index) => (
        <button
          key={each.name}
          id={`mention-${index}`}
          type="button"
          role="option"
          tabIndex={-1}
          class="option"
          aria-selected={index === at}
          onPointerDown={(event) => {
            event.preventDefault();
            onChoose(each);
          }}
        >
          {each.who ? <Avatar who={each.who} size={24} /> : <Icon name="people" />}
          <span dir="auto">{each.who?.name ?? t("everyone")}</span>
          <span class="option-detail">@{each.name}</span>
        </button>
      ))}
    </div>
  );
}
