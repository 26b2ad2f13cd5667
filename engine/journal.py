"""The journal: the one place where a timeline's events become durable.

Group commit: while one transaction is being written, the writes of all timelines wait in the mailbox; whatever waits then goes
into the next transaction together. One row per commit gives about 1,000 events a second on either database, a hundred rows per
commit more than thirty times that.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import structlog

from actors import Actor, Call, Mailbox, Message, handles
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import EngineError, NotFound, StorageUnavailable, TimelineMoved
from engine.storage.repositories import Append, AppendFailure, Claimed, TimelineLog

M = TypeVar("M")

log = structlog.get_logger(__name__)

BATCH = 512
"""The most timelines in one transaction. Measured: the gain of a larger batch ends before this on both databases."""


class Claim(Message["Journal", Claimed], frozen=True):
    """Take a timeline over: the writes of whoever owned it before are refused from now on. `NotFound` when there is none."""

    timeline_id: TimelineId


class Write(Message["Journal", None], frozen=True):
    """Make one timeline's next events durable, all or none. Answered after the commit.

    Refused with `TimelineMoved` (another owner has claimed it), `WriteConflict`, `WriteInvalid`, `WriteOverQuota`, or
    `StorageUnavailable`: only after that one it is unknown whether the events were committed, and a new claim tells.
    """

    entry: Append


class WriteConflict(EngineError):
    """One of the events breaks a uniqueness rule: nothing of the entry was written."""

    code = "conflict"


class WriteInvalid(EngineError):
    """The database refuses the data itself: nothing of the entry was written."""

    code = "invalid_request"


class WriteOverQuota(EngineError):
    """One of the authors has used up their week: nothing of the entry was written. `used` is what the database has counted."""

    code = "quota_exceeded"

    def __init__(self, detail: str, used: tuple[tuple[ParticipantId, date, int], ...]) -> None:
        super().__init__(detail)
        self.used = used


class Journal(Actor):
    """Writes what timelines hand it, in the order in which it comes. Each timeline fails alone.

    Every timeline depends on it, so it does not crash with a batch: after a fault that the storage does not declare, the outcome
    is unknown like that of a lost connection. Crashing, a fault repeated by some client's retries would end the whole process
    (restart intensity).
    """

    mailbox = Mailbox(100_000)

    def __init__(self, log: TimelineLog) -> None:
        self._log = log

    @handles(Claim, batch=BATCH)
    async def claim(self, calls: list[Call[Claim, Claimed]]) -> None:
        """Claim whatever waits, in one transaction."""
        for group in _one_each(calls, lambda call: call.message.timeline_id):
            try:
                claims = await self._log.claim([call.message.timeline_id for call in group])
            except EngineError as error:
                _refuse(group, error)
                continue
            except Exception:  # a supervision boundary, see `Journal`
                log.exception("journal.claim_failed", timelines=len(group))
                _refuse(group, StorageUnavailable("the claim failed"))
                continue
            for call, claimed in zip(group, claims, strict=True):
                if claimed is None:
                    call.refuse(NotFound(f"there is no timeline {call.message.timeline_id}"))
                else:
                    call.answer(claimed)

    @handles(Write, batch=BATCH)
    async def write(self, calls: list[Call[Write, None]]) -> None:
        """Write whatever waits, in one transaction."""
        for group in _one_each(calls, lambda call: call.message.entry.timeline_id):
            try:
                failures = await self._log.append([call.message.entry for call in group])
            except EngineError as error:
                _refuse(group, error)
                continue
            except Exception:  # a supervision boundary, see `Journal`
                log.exception("journal.write_failed", timelines=len(group))
                _refuse(group, StorageUnavailable("the write failed"))
                continue
            for call, failure in zip(group, failures, strict=True):
                if failure is None:
                    call.answer(None)
                else:
                    call.refuse(_error(failure))


def _one_each(calls: Sequence[M], timeline: Callable[[M], TimelineId]) -> Iterator[list[M]]:
    """Divide calls, in order, into groups in which every timeline stands at most once. Nearly always this is one group."""
    group: list[M] = []
    seen: set[TimelineId] = set()
    for call in calls:
        if (timeline_id := timeline(call)) in seen:
            yield group
            group, seen = [], set()
        group.append(call)
        seen.add(timeline_id)
    yield group


def _refuse(calls: Sequence[Call[Claim, Claimed]] | Sequence[Call[Write, None]], error: EngineError) -> None:
    for call in calls:
        call.refuse(error)


def _error(failure: AppendFailure) -> EngineError:
    match failure.reason:
        case "fenced":
            return TimelineMoved("another process owns this timeline now")
        case "conflict":
            return WriteConflict(failure.detail)
        case "quota":
            return WriteOverQuota(failure.detail, failure.used)
        case _:
            return WriteInvalid(failure.detail)
