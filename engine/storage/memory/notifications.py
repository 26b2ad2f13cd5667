"""Notifications."""

from collections.abc import Sequence
from datetime import datetime

from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.inbox import Notification, NotificationId
from engine.domain.people import Participant
from engine.storage.memory.inboxes import Notified
from engine.storage.memory.state import State


class MemoryNotifications:
    """See `repositories.Notifications`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def page(
        self, participant_id: ParticipantId, *, after: NotificationId | None = None, limit: int
    ) -> list[Notification]:
        await self._state.enter()
        theirs = self._state.notifications.get(participant_id, {})
        newest = sorted((key for key in theirs if after is None or key < after), reverse=True)[:limit]
        return [self._show(theirs[key]) for key in newest]

    async def unread(self, participant_id: ParticipantId) -> int:
        await self._state.enter()
        return sum(each.read_at is None for each in self._state.notifications.get(participant_id, {}).values())

    async def by_ids(self, ids: Sequence[NotificationId]) -> list[tuple[ParticipantId, Notification]]:
        await self._state.enter()
        wanted = dict.fromkeys(ids)
        return [
            (person, self._show(theirs[key]))
            for person, theirs in self._state.notifications.items()
            for key in wanted
            if key in theirs
        ]

    async def read(self, participant_id: ParticipantId, *, up_to: NotificationId | None, at: datetime) -> int:
        await self._state.enter()
        changed = 0
        for key, each in self._state.notifications.get(participant_id, {}).items():
            if each.read_at is None and (up_to is None or key <= up_to):
                each.read_at = at
                changed += 1
        return changed

    async def trim(self, *, keep: int) -> int:
        await self._state.enter()
        gone = 0
        for theirs in self._state.notifications.values():
            for key in sorted(theirs, reverse=True)[keep:]:
                del theirs[key]
                gone += 1
        return gone

    def _show(self, row: Notified) -> Notification:
        return Notification(
            id=row.id,
            kind=row.kind,
            timeline_id=row.timeline_id,
            timeline_kind=self._state.timelines[row.timeline_id].kind,
            message_id=row.message_id,
            actor=self._state.participants.get(row.actor) or Participant(row.actor, ParticipantKind.USER, row.actor),
            at=row.at,
            read_at=row.read_at,
        )
