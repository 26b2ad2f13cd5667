"""Notifications."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.domain.fields import ParticipantId
from engine.domain.inbox import Notification, NotificationId


class Notifications(Protocol):
    """What people are told. Written with the events that cause them, see `TimelineLog.append`; actors carry their present name."""

    async def page(
        self, participant_id: ParticipantId, *, after: NotificationId | None = None, limit: int
    ) -> list[Notification]:
        """Someone's notifications, newest first; `after` is the last id of the page before."""
        ...

    async def unread(self, participant_id: ParticipantId) -> int:
        """How many of someone's notifications are unread."""
        ...

    async def by_ids(self, ids: Sequence[NotificationId]) -> list[tuple[ParticipantId, Notification]]:
        """The notifications under these ids, and whose they are; one id may be many people's."""
        ...

    async def read(self, participant_id: ParticipantId, *, up_to: NotificationId | None, at: datetime) -> int:
        """Mark those up to and including an id (None: all) as read from the moment `at`; tells how many were unread."""
        ...

    async def trim(self, *, keep: int) -> int:
        """Forget all but everyone's newest `keep`; tells how many."""
        ...
