import { signal } from "@preact/signals";
import type { Notification as Note } from "../api/types.ts";
import { watchNotifications } from "../chat/inbox.ts";
import { t } from "../i18n/index.ts";
import { go } from "../router.ts";
import { addressOf, whereOf } from "./dialogs/notifications.tsx";

const permission = signal("Notification" in window ? Notification.permission : "denied");

/** Asks the browser whether notifications may be shown outside of the page; nothing once that is decided. */
export function DesktopSwitch() {
  if (permission.value !== "default") return <span />;
  const ask = async () => {
    permission.value = await Notification.requestPermission();
  };
  return (
    <button type="button" class="button" onClick={ask}>
      {t("show_on_desktop")}
    </button>
  );
}

/** Shows what concerns one by name while one looks at something else. It says who and where, not what. */
watchNotifications((note: Note) => {
  if (permission.value !== "granted" || (document.visibilityState === "visible" && document.hasFocus())) return;
  const shown = new Notification(t(`notification_${note.kind}`, { name: note.actor.name, where: whereOf(note) }), {
    icon: "/icon.svg",
    tag: note.timeline_id,
  });
  shown.onclick = () => {
    focus();
    go(addressOf(note));
    shown.close();
  };
});
