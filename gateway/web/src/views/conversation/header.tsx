import { me } from "../../api/session.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t, tn } from "../../i18n/index.ts";
import { connection } from "../../realtime/connection.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Icon } from "../../ui/icon.tsx";
import { SidebarButton } from "../shell.tsx";
import { ReadingLanguage } from "./reading_language.tsx";

/** Where one is, who is there, and in which language one reads. */
export function Header({
  timeline,
  details,
  onDetails,
}: {
  timeline: Timeline;
  details: boolean;
  onDetails: () => void;
}) {
  const room = timeline.room.value;
  const other = timeline.conversation.value?.kind === "private" ? otherOf(timeline) : undefined;
  return (
    <header class="talk-head">
      <SidebarButton />
      {other ? (
        <Avatar who={other} presence={timeline.presence.value.get(other.id)} />
      ) : (
        <span class="talk-mark">
          <Icon name={room ? (room.visibility === "private" ? "lock" : "hash") : "people"} />
        </span>
      )}
      <div class="talk-title">
        <h1>
          <bdi>{timeline.name || " "}</bdi>
        </h1>
        <p dir="auto">
          {connection.value !== "connected"
            ? t("connecting")
            : other
              ? presenceOf(timeline, other.id)
              : room?.description || counts(timeline)}
        </p>
      </div>
      <ReadingLanguage />
      <button
        type="button"
        class="quiet"
        aria-pressed={details}
        aria-label={t("details")}
        title={t("details")}
        onClick={onDetails}
      >
        <Icon name="people" />
        <span class="wide-only">{timeline.members.value.size || ""}</span>
      </button>
    </header>
  );
}

export function otherOf(timeline: Timeline) {
  return [...timeline.members.value.values()].find((each) => each.participant.id !== me.value?.id)?.participant;
}

function presenceOf(timeline: Timeline, id: string): string {
  return t(`presence_${timeline.presence.value.get(id) ?? "offline"}`);
}

function counts(timeline: Timeline): string {
  const members = tn("members", timeline.members.value.size);
  return timeline.online.value === null
    ? members
    : `${members}, ${t("online_count", { count: timeline.online.value })}`;
}
