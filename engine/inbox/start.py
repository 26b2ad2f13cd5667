"""Composes the inboxes of a process."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from actors import ActorSystem, AskFailed, Message, Ref
from engine.clock import Clock
from engine.domain.fields import ParticipantId, TimelineId
from engine.inbox.agenda import Agenda
from engine.inbox.herald import Herald, Wake
from engine.inbox.inbox import Inbox
from engine.inbox.readings import Read, Readings
from engine.storage.repositories import Storage
from engine.timelines.feed import Feed
from engine.timelines.personal import PersonalTimeline
from engine.timelines.receipts import ShowRead
from engine.traffic import Traffic


async def start_inbox(
    system: ActorSystem,
    storage: Storage,
    clock: Clock,
    traffic: Traffic,
    *,
    feed: Feed,
    personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    connected: set[ParticipantId],
) -> Inbox:
    """Start the two actors that write read markers down and tell the `connected` people what has changed."""
    agenda = Agenda(system.clock, connected)
    herald = await system.spawn(lambda: Herald(agenda, storage, traffic, personal), "herald")
    agenda.wake = lambda: _try_to_tell(herald, Wake())
    feed.watch(agenda.note)

    def marker_moved(read: Read) -> None:
        _try_to_tell(read.timeline, ShowRead(read.participant_id, read.offset))
        agenda.note_read(TimelineId(read.timeline.key), read.participant_id)

    readings = await system.spawn(
        lambda: Readings(storage.markers, clock, marker_moved), "readings", mailbox=Readings.mailbox
    )
    return Inbox(storage, clock, readings)


def _try_to_tell(ref: Ref[Any], message: Message[Any, None]) -> None:
    """Tell; refused, it is counted as a dead letter, and what it tells of stands."""
    with suppress(AskFailed):
        ref.tell(message)
