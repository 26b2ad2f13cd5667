import { useState } from "preact/hooks";
import { path, post } from "../api/http.ts";
import type { Room } from "../api/types.ts";
import { putRoom } from "../chat/inbox.ts";
import { t } from "../i18n/index.ts";
import { go } from "../router.ts";
import { attempt } from "../ui/toast.tsx";
import { Nothing } from "./shell.tsx";

/** An invitation's link: joining is a decision, so there is a button. */
export function Invitation({ code }: { code: string }) {
  const [busy, setBusy] = useState(false);
  const accept = async () => {
    setBusy(true);
    await attempt(async () => {
      const room = await post<Room>(path`/invites/${code}/accept`);
      putRoom(room, { mine: true });
      go(`/rooms/${room.id}`, { replace: true });
    });
    setBusy(false);
  };
  return (
    <Nothing title={t("invitation")} text={t("invitation_text")}>
      <button type="button" class="button primary" disabled={busy} onClick={accept}>
        {t("accept_invitation")}
      </button>
    </Nothing>
  );
}
