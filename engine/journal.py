"""The journal: the one place where a timeline's events become durable.

Group commit: while transactions are being written, the writes of all timelines wait; whatever waits then goes into the next
transaction together. One row per commit gives about 1,000 events a second on either database, a hundred rows per commit more than
thirty times that.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import date
from functools import partial
from typing import Any, Final, TypeVar

import structlog

from actors import Actor, Answer, Call, Mailbox, Message, handles
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import EngineError, NotFound, Overtaken, StorageUnavailable, TimelineMoved
from engine.storage.repositories import Append, AppendFailure, Claimed, TimelineLog
from engine.traffic import Traffic

M = TypeVar("M", bound=Call[Any, Any])

log = structlog.get_logger(__name__)

BATCH = 512
"""The most timelines in one transaction. Measured: the gain of a larger batch ends before this on both databases."""
FEW: Final = 8
"""Of as many timelines are the writes that leave time for another transaction to be made ready beside theirs. Of more, they keep the event
loop busy by themselves, and what comes meanwhile is better written together."""


class Claim(Message["Journal", Claimed], frozen=True):
    """Take a timeline over: the writes of whoever owned it before are refused from now on. `NotFound` when there is none."""

    timeline_id: TimelineId


class Write(Message["Journal", None], frozen=True):
    """Make one timeline's next events durable, all or none. Answered after the commit.

    Refused with `TimelineMoved` (another owner has claimed it), `WriteConflict`, `WriteInvalid`, `WriteOverQuota`, or
    `StorageUnavailable`: only after that one it is unknown whether the events were committed, and a new claim tells. Who is `patient` is
    refused with `Overtaken` when somebody is on the way, or comes before the commit.
    """

    entry: Append
    patient: bool = False


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


class _Claimed(Message["Journal", None], frozen=True):
    """The database has answered a claim."""

    calls: Sequence[Call[Claim, Claimed]]
    answer: Answer[list[Claimed | None]]


class _Written(Message["Journal", None], frozen=True):
    """The database has answered a transaction."""

    calls: Sequence[Call[Write, None]]
    answer: Answer[list[AppendFailure | None]]


class Journal(Actor):
    """Writes what timelines hand it, in the order in which it comes. Each timeline fails alone.

    Every timeline depends on it, so it does not crash with a batch: after a fault that the storage does not declare, the outcome
    is unknown like that of a lost connection. Crashing, a fault repeated by some client's retries would end the whole process
    (restart intensity).
    """

    mailbox = Mailbox(100_000)

    def __init__(self, log: TimelineLog, traffic: Traffic) -> None:
        self._log = log
        self._traffic = traffic
        self._claims: list[Call[Claim, Claimed]] = []
        self._claiming = False
        self._waiting: list[Call[Write, None]] = []
        self._under_way: set[TimelineId] = set()
        self._transactions = 0

    @handles(Claim, batch=BATCH)
    async def claim(self, calls: list[Call[Claim, Claimed]]) -> None:
        """Claim whatever waits, in one transaction at a time."""
        self._claims += calls
        self._claim()

    @handles(_Claimed)
    async def claimed(self, message: _Claimed) -> None:
        """Tell who owns what now, and claim what has come meanwhile."""
        self._claiming = False
        if message.answer.error is not None:
            _refuse(message.calls, message.answer.error, "the claim failed")
        else:
            for call, claimed in zip(message.calls, message.answer.result(), strict=True):
                if claimed is None:
                    call.refuse(NotFound(f"there is no timeline {call.message.timeline_id}"))
                else:
                    call.answer(claimed)
        self._claim()

    def _claim(self) -> None:
        if self._claiming:
            return
        group, self._claims = _one_each(self._claims, lambda call: call.message.timeline_id)
        if group:
            self._claiming = True
            self.spawn(self._log.claim, [call.message.timeline_id for call in group], then=partial(_Claimed, group))

    @handles(Write, batch=BATCH)
    async def write(self, calls: list[Call[Write, None]]) -> None:
        """Write whatever waits, in one transaction, as soon as there may be one more."""
        self._waiting += [call for call in calls if not call.message.patient]
        self._write()
        if patient := [call for call in calls if call.message.patient]:
            self._try_to_write(patient)

    @handles(_Written)
    async def written(self, message: _Written) -> None:
        """Tell what is durable, and write what has come meanwhile."""
        self._transactions -= 1
        self._under_way.difference_update(map(_timeline_of, message.calls))
        if message.answer.error is not None:
            _refuse(message.calls, message.answer.error, "the write failed")
        else:
            for call, failure in zip(message.calls, message.answer.result(), strict=True):
                if failure is None:
                    call.answer(None)
                else:
                    call.refuse(_error(failure))
        self._write()

    def _write(self) -> None:
        while self._waiting and self._has_room():
            group, self._waiting = _one_each(self._waiting, _timeline_of, besides=self._under_way)
            if not group:
                return
            self._begin(group, self._log.append)

    def _try_to_write(self, patient: Sequence[Call[Write, None]]) -> None:
        """Write what can wait, unless somebody is on the way or comes before the commit: it would be in theirs."""
        taken = self._transactions or self._traffic.busy
        group, others = ([], patient) if taken else _one_each(patient, _timeline_of)
        if group:
            self._begin(group, partial(self._log.append, overtaken=lambda: self._traffic.busy))
        for call in others:
            call.refuse(Overtaken("somebody goes first"))

    def _begin(
        self,
        group: Sequence[Call[Write, None]],
        append: Callable[[list[Append]], Awaitable[list[AppendFailure | None]]],
    ) -> None:
        self._transactions += 1
        self._under_way.update(map(_timeline_of, group))
        self.spawn(append, [call.message.entry for call in group], then=partial(_Written, group))

    def _has_room(self) -> bool:
        """Whether one more transaction may be begun: the first, or one to be made ready while the database is busy with a small one."""
        return not self._transactions or (self._transactions == 1 and len(self._under_way) <= FEW)


def _timeline_of(call: Call[Write, None]) -> TimelineId:
    return call.message.entry.timeline_id


def _one_each(
    calls: Sequence[M], timeline: Callable[[M], TimelineId], besides: Collection[TimelineId] = ()
) -> tuple[list[M], list[M]]:
    """The first call of each timeline but some, up to `BATCH`, and the others, both in order. Nearly always there are no others.

    Those for which nobody waits any more are in neither.
    """
    group: list[M] = []
    others: list[M] = []
    seen = set(besides)
    for call in calls:
        if call.settled:
            continue
        if (timeline_id := timeline(call)) in seen or len(group) == BATCH:
            others.append(call)
        else:
            group.append(call)
        seen.add(timeline_id)
    return group, others


def _refuse(
    calls: Sequence[Call[Claim, Claimed]] | Sequence[Call[Write, None]], error: Exception, otherwise: str
) -> None:
    if not isinstance(error, EngineError):  # a supervision boundary, see `Journal`
        log.error("journal.failed", timelines=len(calls), exc_info=error)
        error = StorageUnavailable(otherwise)
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
