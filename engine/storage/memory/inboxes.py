"""Notifications in memory: to whom an event is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from engine.domain.events import Event
from engine.domain.fields import ConversationKind, MessageId, ParticipantId, TimelineId
from engine.domain.inbox import MOST_TOLD, Notice, NotificationId, NotificationKind, notice_of

if TYPE_CHECKING:
    from engine.storage.memory.state import State


@dataclass(slots=True)
class Notified:
    """A row: what someone was told. `everyone` and kind `private_message` are told once as long as they are unread."""

    id: NotificationId
    kind: NotificationKind
    timeline_id: TimelineId
    offset: int
    message_id: MessageId | None
    actor: ParticipantId
    at: datetime
    everyone: bool
    read_at: datetime | None = None


def notify(state: "State", timeline_id: TimelineId, event: Event) -> None:
    """Tell people of an event whose projections are made."""
    notice = notice_of(timeline_id, event)
    if notice is None:
        return
    members = state.timelines[timeline_id].members
    for person, kind, everyone in _meant(state, timeline_id, notice):
        if person == event.actor or person not in members or person not in state.accounts:
            continue
        theirs = state.notifications.setdefault(person, {})
        once = everyone or kind is NotificationKind.PRIVATE_MESSAGE
        if notice.id in theirs or (once and _waits(theirs, timeline_id, kind, everyone=everyone)):
            continue
        theirs[notice.id] = Notified(
            notice.id, kind, timeline_id, event.offset, notice.message_id, event.actor, event.at, everyone
        )


def _meant(
    state: "State", timeline_id: TimelineId, notice: Notice
) -> Iterator[tuple[ParticipantId, NotificationKind, bool]]:
    members = state.timelines[timeline_id].members
    for person in notice.people:
        yield person, notice.kind, False
    answered = state.messages.get(notice.reply_to) if notice.reply_to is not None else None
    if answered is not None and answered.timeline_id == timeline_id:
        yield answered.author.id, NotificationKind.REPLY, False
    if notice.everyone and len(members) <= MOST_TOLD:
        for person in members:
            yield person, NotificationKind.MENTION, True
    conversation = state.conversations.get(timeline_id)
    if notice.posted and conversation is not None and conversation.kind is ConversationKind.PRIVATE:
        for person in members:
            yield person, NotificationKind.PRIVATE_MESSAGE, False


def _waits(
    theirs: dict[NotificationId, Notified], timeline_id: TimelineId, kind: NotificationKind, *, everyone: bool
) -> bool:
    return any(
        each.timeline_id == timeline_id and each.kind is kind and each.everyone is everyone and each.read_at is None
        for each in theirs.values()
    )
