import type { Notification } from "../../api/types.ts";
import {
  conversations,
  nameOf,
  notifications,
  readAllNotifications,
  rooms,
  unreadNotifications,
} from "../../chat/inbox.ts";
import { t } from "../../i18n/index.ts";
import { moment } from "../../text/time.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { attempt } from "../../ui/toast.tsx";
import { DesktopSwitch } from "../desktop.tsx";

export function Notifications({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t("notifications")} onClose={onClose}>
      <div class="dialog-tools">
        <DesktopSwitch />
        {unreadNotifications.value > 0 && (
          <button type="button" class="button" onClick={() => attempt(readAllNotifications)}>
            {t("mark_all_read")}
          </button>
        )}
      </div>
      {!notifications.value.length && <p class="empty">{t("no_notifications")}</p>}
      <ul class="notes">
        {notifications.value.map((each) => (
          <li key={each.id}>
            <a
              class={each.read_at ? "note" : "note note-fresh"}
              href={addressOf(each)}
              onClick={() => setTimeout(onClose)}
            >
              <Avatar who={each.actor} size={32} />
              <span>
                {t(`notification_${each.kind}`, { name: each.actor.name, where: whereOf(each) })}
                <time dateTime={each.at}>{moment(each.at)}</time>
              </span>
            </a>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

export function addressOf(each: Notification): string {
  const message = each.message_id ? `?message=${each.message_id}` : "";
  return `/${each.timeline_kind}s/${each.timeline_id}${message}`;
}

export function whereOf(each: Notification): string {
  const conversation = conversations.value.get(each.timeline_id);
  return rooms.value.get(each.timeline_id)?.name ?? (conversation ? nameOf(conversation) : t("conversation"));
}
