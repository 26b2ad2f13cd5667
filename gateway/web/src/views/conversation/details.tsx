import { useState } from "preact/hooks";
import { remove } from "../../api/http.ts";
import { me } from "../../api/session.ts";
import { drop } from "../../chat/inbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { rpc } from "../../realtime/connection.ts";
import { go } from "../../router.ts";
import { Icon } from "../../ui/icon.tsx";
import { attempt } from "../../ui/toast.tsx";
import { AgentsHere } from "./agents_here.tsx";
import { Bans } from "./bans.tsx";
import { ConversationSettings } from "./conversation_settings.tsx";
import { Invite } from "./invite.tsx";
import { Members } from "./members.tsx";
import { RoomSettings } from "./room_settings.tsx";

type Tab = "members" | "agents" | "settings";

/** Beside the conversation: who is in it, and what can be set. */
export function Details({ timeline, onClose }: { timeline: Timeline; onClose: () => void }) {
  const [tab, setTab] = useState<Tab>("members");
  const tabs: Tab[] = ["members", "agents", "settings"];
  return (
    <aside class="details" aria-label={t("details")}>
      <header>
        <div class="tabs" role="tablist">
          {tabs.map((each) => (
            <button
              key={each}
              type="button"
              role="tab"
              id={`tab-${each}`}
              aria-selected={tab === each}
              aria-controls="tab-panel"
              onClick={() => setTab(each)}
            >
              {t(`tab_${each}`)}
            </button>
          ))}
        </div>
        <button type="button" class="quiet" aria-label={t("close")} onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <div class="details-body" id="tab-panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "members" && (
          <>
            <Members timeline={timeline} />
            {timeline.kind === "room" && timeline.moderated && <Bans timeline={timeline} />}
            <Invite timeline={timeline} />
          </>
        )}
        {tab === "agents" && <AgentsHere timeline={timeline} />}
        {tab === "settings" && (
          <>
            {timeline.kind === "room" ? (
              <RoomSettings timeline={timeline} />
            ) : (
              <ConversationSettings timeline={timeline} />
            )}
            <Leave timeline={timeline} />
          </>
        )}
      </div>
    </aside>
  );
}

function Leave({ timeline }: { timeline: Timeline }) {
  if (!timeline.members.value.has(me.value?.id ?? "")) return null;
  const leave = () =>
    attempt(async () => {
      if (timeline.kind === "room") await rpc("leave", { timeline: timeline.channel });
      else await remove(timeline.rest);
      drop(timeline.id);
      go("/");
    });
  return (
    <section class="details-part">
      <button type="button" class="button danger" onClick={leave}>
        <Icon name="leave" /> {timeline.kind === "room" ? t("leave_room") : t("leave_conversation")}
      </button>
    </section>
  );
}
