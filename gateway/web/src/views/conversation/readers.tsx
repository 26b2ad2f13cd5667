import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { Avatar } from "../../ui/avatar.tsx";

const DRAWN = 3;

/** Those who have read up to here and no further, as small pictures at the edge. */
export function Readers({ ids, timeline }: { ids: string; timeline: Timeline }) {
  const members = timeline.members.value;
  const people = ids.split(" ").flatMap((id) => members.get(id)?.participant ?? []);
  const said = t("read_by", { names: people.map((each) => each.name).join(", ") });
  return (
    <span class="readers" role="img" aria-label={said} title={said}>
      {people.slice(0, DRAWN).map((each) => (
        <Avatar key={each.id} who={each} size={16} />
      ))}
      {people.length > DRAWN && `+${people.length - DRAWN}`}
    </span>
  );
}
