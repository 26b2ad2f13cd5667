import { me } from "../../api/session.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";

/** Who is typing. It has its place always, so that nothing moves. */
export function TypingLine({ timeline }: { timeline: Timeline }) {
  const names = timeline.typing.value
    .filter((id) => id !== me.value?.id)
    .map((id) => timeline.members.value.get(id)?.participant.name ?? "…");
  const [one, two] = names;
  const text =
    names.length > 2
      ? t("several_type")
      : one && two
        ? t("two_type", { one, two })
        : one
          ? t("one_types", { name: one })
          : "";
  return (
    <p class="typing" dir="auto">
      {text && (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {text}
        </>
      )}
    </p>
  );
}
