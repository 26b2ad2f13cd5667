import { useEffect, useState } from "preact/hooks";
import { get, path, post } from "../../api/http.ts";
import type { Room } from "../../api/types.ts";
import { drop, putRoom } from "../../chat/inbox.ts";
import { timeline as timelineOf } from "../../chat/open.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { place } from "../../router.ts";
import { attempt } from "../../ui/toast.tsx";
import { Nothing } from "../shell.tsx";

/** A timeline that one is no member of: a public room can be joined, of anything else one may not know. */
export function Refused({ timeline }: { timeline: Timeline }) {
  const [room, setRoom] = useState<Room | null>(null);
  useEffect(() => {
    drop(timeline.id);
    if (timeline.kind === "room") get<Room>(path`/rooms/${timeline.id}`).then(setRoom, () => undefined);
  }, [timeline]);
  const join = () =>
    attempt(async () => {
      putRoom(await post<Room>(path`/rooms/${timeline.id}/join`), { mine: true });
      timelineOf(timeline.kind, timeline.id);
      place.value = { ...place.value }; // draw it anew
    });
  if (!room) return <Nothing title={t("not_here")} text={t("not_here_text")} />;
  return (
    <Nothing title={room.name} text={room.description || t("not_a_member")}>
      <button type="button" class="button primary" onClick={join}>
        {t("join")}
      </button>
    </Nothing>
  );
}
