"""The one place where read markers become durable: what waits while one transaction is written goes into the next together."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import structlog

from actors import Actor, Call, Mailbox, Message, Ref, handles
from engine.clock import Clock
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import EngineError, Forbidden, StorageUnavailable
from engine.storage.repositories import Mark, Markers

log = structlog.get_logger(__name__)

BATCH: Final = 128
"""The most readings in one transaction: with more, reading back where the markers stand costs more than it saves."""


class Read(Message["Readings", int], frozen=True):
    """Someone has read a timeline up to and including `offset`. Answers where their marker stands, once it is durable.

    `StorageUnavailable` when that is not known; `Forbidden` for who is not a member.
    """

    timeline: Ref[Any]
    participant_id: ParticipantId
    offset: int


Moved: TypeAlias = Callable[[Read], None]
"""Is told of a marker that has moved, durably: returns at once and never raises."""


class Readings(Actor):
    """Raises read markers. A fault of the storage is its callers', not its own: see `engine.journal.Journal`."""

    mailbox = Mailbox(100_000)

    def __init__(self, markers: Markers, clock: Clock, moved: Moved) -> None:
        self._markers = markers
        self._clock = clock
        self._moved = moved

    @handles(Read, batch=BATCH)
    async def read(self, calls: list[Call[Read, int]]) -> None:
        """Write whatever waits, in one transaction."""
        messages = [call.message for call in calls]
        marks = [Mark(TimelineId(each.timeline.key), each.participant_id, each.offset) for each in messages]
        try:
            stands = await self._markers.mark(marks, at=self._clock.now())
        except EngineError as error:
            _refuse(calls, error)
            return
        except Exception:  # a supervision boundary
            log.exception("readings.write_failed", readings=len(calls))
            _refuse(calls, StorageUnavailable("the read marker could not be written; try again"))
            return
        for call, stand in zip(calls, stands, strict=True):
            if stand is None:
                call.refuse(Forbidden("only members have a read marker"))
                continue
            call.answer(stand)
            if stand == call.message.offset:
                self._moved(call.message)


def _refuse(calls: list[Call[Read, int]], error: EngineError) -> None:
    for call in calls:
        call.refuse(error)
