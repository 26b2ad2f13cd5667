"""What the doors do with inboxes."""

from typing import Any, Final

import msgspec

from actors import Ref
from engine.clock import Clock
from engine.domain.fields import TimelineId
from engine.domain.inbox import Notification, NotificationId, Reader, ReadMarker, Unread
from engine.domain.people import Principal
from engine.inbox.readings import Read, Readings
from engine.storage.repositories import Storage
from engine.timelines.receipts import AskReaders, CheckRead

KEPT: Final = 1_000
"""How many notifications everyone keeps, the newest."""


class NotificationPage(msgspec.Struct, frozen=True):
    """Notifications, newest first; `next` is to be given as `after` for the older ones. `unread` counts all of the person's."""

    items: list[Notification]
    next: NotificationId | None
    unread: int


class Inbox:
    """Read markers, counts and notifications. Every method may raise `StorageUnavailable`."""

    def __init__(self, storage: Storage, clock: Clock, readings: Ref[Readings]) -> None:
        self._storage = storage
        self._clock = clock
        self._readings = readings

    async def read(self, timeline: Ref[Any], by: Principal, offset: int) -> ReadMarker:
        """Move one's marker in a room or conversation; a lower offset changes nothing. Durable when it returns.

        `InvalidRequest` names the limit for an offset above the timeline's last; `Forbidden` or `NotFound` for who is no member.
        """
        await timeline.ask(CheckRead(by, offset))
        stands = await self._readings.ask(Read(timeline, by.id, offset))
        return ReadMarker(timeline_id=TimelineId(timeline.key), last_read_offset=stands)

    async def readers(self, timeline: Ref[Any], by: Principal) -> list[Reader]:
        """How far the people of a room or conversation have read; nobody where they are a crowd.

        `Forbidden` or `NotFound` for who may not read there.
        """
        timeline_id = TimelineId(timeline.key)
        people = await timeline.ask(AskReaders(by))
        markers = (await self._storage.markers.of({timeline_id: people}))[timeline_id] if people else {}
        return [Reader(participant_id=each, last_read_offset=markers[each]) for each in people if each in markers]

    async def unread(self, by: Principal, *, after: TimelineId | None = None, limit: int) -> list[Unread]:
        """What one has not read, of every timeline that one is a member of, by its id upwards."""
        return await self._storage.markers.unread(by.id, after=after, limit=limit)

    async def notifications(
        self, by: Principal, *, after: NotificationId | None = None, limit: int
    ) -> NotificationPage:
        """One's notifications, newest first."""
        rows = await self._storage.notifications.page(by.id, after=after, limit=limit + 1)
        items = rows[:limit]
        unread = await self._storage.notifications.unread(by.id)
        return NotificationPage(items, items[-1].id if len(rows) > limit else None, unread)

    async def read_notifications(self, by: Principal, up_to: NotificationId | None) -> int:
        """Mark one's notifications up to and including an id as read, or all of them; tells how many are unread then."""
        await self._storage.notifications.read(by.id, up_to=up_to, at=self._clock.now())
        return await self._storage.notifications.unread(by.id)

    async def trim(self) -> int:
        """Forget everyone's notifications but the newest `KEPT`; tells how many."""
        return await self._storage.notifications.trim(keep=KEPT)
