import { useState } from "preact/hooks";
import { path, post, put, remove } from "../../api/http.ts";
import { me } from "../../api/session.ts";
import type { Conversation, Member } from "../../api/types.ts";
import { putConversation } from "../../chat/inbox.ts";
import type { Timeline } from "../../chat/timeline.ts";
import { t } from "../../i18n/index.ts";
import { go } from "../../router.ts";
import { Avatar } from "../../ui/avatar.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Popover } from "../../ui/popover.tsx";
import { attempt } from "../../ui/toast.tsx";

const SHOWN = 200;
const HOUR = 3_600_000;
const RANK = { available: 0, busy: 1, away: 2, offline: 3 };

/** The members, those who are there first. */
export function Members({ timeline }: { timeline: Timeline }) {
  const presence = timeline.presence.value;
  const rank = (member: Member) => RANK[presence.get(member.participant.id) ?? "offline"];
  const members = [...timeline.members.value.values()].sort(
    (one, other) => rank(one) - rank(other) || one.participant.name.localeCompare(other.participant.name),
  );
  return (
    <ul class="members">
      {members.slice(0, SHOWN).map((member) => (
        <li key={member.participant.id} class="member">
          <Avatar who={member.participant} size={28} presence={presence.get(member.participant.id)} />
          <span class="member-name">
            <span dir="auto">{member.participant.name}</span>
            <span>
              {member.participant.kind === "agent"
                ? t("agent")
                : t(`presence_${presence.get(member.participant.id) ?? "offline"}`)}
              {member.role !== "member" && ` · ${t(`role_${member.role}`)}`}
              {isMuted(member) && ` · ${t("is_muted")}`}
            </span>
          </span>
          {member.participant.id !== me.value?.id && <MemberMenu member={member} timeline={timeline} />}
        </li>
      ))}
    </ul>
  );
}

function isMuted(member: Member): boolean {
  return Boolean(member.muted_until && Date.parse(member.muted_until) > Date.now());
}

function MemberMenu({ member, timeline }: { member: Member; timeline: Timeline }) {
  const [anchor, setAnchor] = useState<DOMRect | null>(null);
  const { participant } = member;
  const address = path`/rooms/${timeline.id}/members/${participant.id}`;
  const owner = timeline.myRole === "owner" || me.value?.role === "admin";
  const room = timeline.kind === "room";
  const close = () => setAnchor(null);
  const item = (text: string, run: () => Promise<unknown>, danger = false) => (
    <button
      type="button"
      role="menuitem"
      class={danger ? "danger" : undefined}
      onClick={() => {
        close();
        void attempt(run);
      }}
    >
      {text}
    </button>
  );
  const talk = async () => {
    const conversation = await post<Conversation>("/conversations", {
      kind: "private",
      participants: [participant.id],
    });
    putConversation(conversation);
    go(`/conversations/${conversation.id}`);
  };
  const mayRemove = room
    ? timeline.moderated
    : timeline.myRole === "owner" && timeline.conversation.value?.kind === "group";
  if (participant.kind === "agent" && !mayRemove) return null;
  return (
    <>
      <button
        type="button"
        class="quiet"
        aria-label={t("actions_for", { name: participant.name })}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget.getBoundingClientRect())}
      >
        <Icon name="more" size={16} />
      </button>
      {anchor && (
        <Popover anchor={anchor} label={t("actions_for", { name: participant.name })} onClose={close}>
          {participant.kind === "user" && item(t("talk_in_private"), talk)}
          {room &&
            owner &&
            member.role !== "moderator" &&
            item(t("make_moderator"), () => put(address, { role: "moderator" }))}
          {room && owner && member.role !== "member" && item(t("make_member"), () => put(address, { role: "member" }))}
          {room && owner && member.role !== "owner" && item(t("make_owner"), () => put(address, { role: "owner" }))}
          {room &&
            timeline.moderated &&
            (isMuted(member)
              ? item(t("unmute"), () => post(`${address}/mute`, { until: null }))
              : item(t("mute_for_an_hour"), () =>
                  post(`${address}/mute`, { until: new Date(Date.now() + HOUR).toISOString() }),
                ))}
          {mayRemove &&
            item(
              t("remove_member"),
              () => remove(room ? address : path`/conversations/${timeline.id}/participants/${participant.id}`),
              true,
            )}
          {room && timeline.moderated && item(t("ban"), () => post(`${address}/ban`), true)}
        </Popover>
      )}
    </>
  );
}
