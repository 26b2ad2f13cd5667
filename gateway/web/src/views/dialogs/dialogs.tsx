import { signal } from "@preact/signals";
import { lazy } from "../../ui/lazy.tsx";
import { NewConversation } from "./new_conversation.tsx";
import { NewRoom } from "./new_room.tsx";
import { Notifications } from "./notifications.tsx";

/** The dialog that is open: each by its name. */
export const dialog = signal<{ name: "new_room" | "new_conversation" | "notifications" | "search" } | null>(null);

const Search = lazy(async () => (await import("./search.tsx")).Search);

export function NamedDialog() {
  const close = () => {
    dialog.value = null;
  };
  switch (dialog.value?.name) {
    case "new_room":
      return <NewRoom onClose={close} />;
    case "new_conversation":
      return <NewConversation onClose={close} />;
    case "notifications":
      return <Notifications onClose={close} />;
    case "search":
      return <Search onClose={close} />;
    default:
      return null;
  }
}
