"""The engine: the supervision tree, composed from settings, readable from top to bottom."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio
import structlog

from actors import Activation, Actor, ActorSystem, AskFailed, Limits, Message, Ref, handles
from engine.accounts import Accounts
from engine.clock import Clock, SystemClock
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import StorageUnavailable
from engine.inbox import Agenda, Herald, Inbox, Readings
from engine.inbox.herald import Wake
from engine.inbox.readings import Read
from engine.journal import Journal
from engine.ownership import Ownership
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.timelines.archive import Archive
from engine.timelines.conversation import ConversationActor
from engine.timelines.directory import Timelines
from engine.timelines.feed import Feed
from engine.timelines.fences import Fences
from engine.timelines.invitations import Invitations
from engine.timelines.personal import PersonalTimeline
from engine.timelines.receipts import ShowRead
from engine.timelines.room import RoomActor
from engine.timelines.surroundings import Surroundings, TimelineSettings
from engine.timelines.timeline import Timeline

log = structlog.get_logger(__name__)

TAKEOVER_REST = 10.0
"""How long a timeline that another process has taken over is left alone, in seconds."""
OWNERSHIP_INTERVAL = 2.0
"""How often takeovers of quiet timelines are looked for, in seconds."""
ARCHIVE_REST = 10.0
"""How long an archive that nobody asks stays, in seconds."""
PURGE_INTERVAL = 3600.0
"""How often expired sign-ins and invitations are forgotten, in seconds."""


class Ping(Message["Canary", None], frozen=True):
    """Is anybody there."""


class Canary(Actor):
    """Proves that messages are handled: health is measured through a real mailbox."""

    @handles(Ping)
    async def ping(self, message: Ping) -> None:
        """Answer."""


class Engine:
    """A running engine, made by `Engine.open`.

    async with Engine.open(settings) as engine:
        user = await engine.accounts.register(Registration(...))
        room = await engine.timelines.create_room(user.principal, NewRoom(name="Lobby"))
    """

    def __init__(
        self,
        *,
        settings: Settings,
        storage: Storage,
        clock: Clock,
        system: ActorSystem,
        accounts: Accounts,
        timelines: Timelines,
        invitations: Invitations,
        inbox: Inbox,
        canary: Ref[Canary],
    ) -> None:
        self.settings = settings
        self.storage = storage
        self.clock = clock
        self.system = system
        self.accounts = accounts
        self.timelines = timelines
        self.invitations = invitations
        self.inbox = inbox
        self._canary = canary

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        *,
        storage: Storage | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> "AsyncIterator[Engine]":
        """Open the storage that the settings name (or take the one given, opened already) and start everything on it.

        A SQLite database is brought to the present schema first. Leaving the block drains: what was accepted is finished, at
        most within half of `settings.shutdown_grace`. `seed` makes the system's jitter repeatable.
        """
        if storage is None:
            async with (
                open_storage(settings) as opened,
                cls.open(settings, storage=opened, clock=clock, seed=seed) as engine,
            ):
                yield engine
            return
        clock = clock or SystemClock()
        accounts = Accounts.of(settings, storage, clock)
        async with ActorSystem("gathering", seed=seed) as system:
            canary = await system.spawn(Canary, "canary")
            journal = await system.spawn(lambda: Journal(storage.log), "journal", mailbox=Journal.mailbox)

            def archive(key: str) -> Archive:
                return Archive(TimelineId(key), storage)

            archives = await system.virtual(archive, "archives", activation=Activation(idle_after=ARCHIVE_REST))
            surroundings = Surroundings(
                storage=storage,
                journal=journal,
                archive=archives.ref,
                clock=clock,
                monotonic=system.clock,
                adrift=set(),
                fences=Fences(system.clock, TAKEOVER_REST),
                feed=Feed(),
                settings=TimelineSettings(
                    recent_events=settings.recent_events,
                    message_characters=settings.message_characters,
                    write_timeout=2 * settings.storage_timeout,
                    read_timeout=settings.storage_timeout,
                ),
            )
            activation = Activation(
                idle_after=settings.idle_passivation, limits=Limits(start=2 * settings.storage_timeout + 1)
            )

            connected: set[ParticipantId] = set()

            def person(key: str) -> PersonalTimeline:
                return PersonalTimeline(TimelineId(key), surroundings, connected)

            people = await system.virtual(person, "people", mailbox=PersonalTimeline.mailbox, activation=activation)

            def personal(user_id: ParticipantId) -> Ref[PersonalTimeline]:
                return people.ref(user_id)

            def room(key: str) -> RoomActor:
                return RoomActor(TimelineId(key), surroundings, personal)

            rooms = await system.virtual(room, "rooms", mailbox=RoomActor.mailbox, activation=activation)

            def conversation(key: str) -> ConversationActor:
                return ConversationActor(TimelineId(key), surroundings, personal)

            conversations = await system.virtual(
                conversation, "conversations", mailbox=ConversationActor.mailbox, activation=activation
            )

            def active() -> Iterator[Ref[Timeline]]:
                yield from (rooms.ref(cell.name) for cell in rooms.cells)
                yield from (conversations.ref(cell.name) for cell in conversations.cells)
                yield from (people.ref(cell.name) for cell in people.cells)

            timelines = Timelines(storage, clock, rooms, conversations, people)
            agenda = Agenda(system.clock, connected)
            herald = await system.spawn(lambda: Herald(agenda, storage, personal), "herald")
            agenda.wake = lambda: _try_to_tell(herald, Wake())
            surroundings.feed.watch(agenda.note)

            def marker_moved(read: Read) -> None:
                _try_to_tell(read.timeline, ShowRead(read.participant_id, read.offset))
                agenda.note_read(TimelineId(read.timeline.key), read.participant_id)

            readings = await system.spawn(
                lambda: Readings(storage.markers, clock, marker_moved), "readings", mailbox=Readings.mailbox
            )
            inbox = Inbox(storage, clock, readings)
            invitations = Invitations(storage.invites, timelines, clock)
            engine = cls(
                settings=settings,
                storage=storage,
                clock=clock,
                system=system,
                accounts=accounts,
                timelines=timelines,
                invitations=invitations,
                inbox=inbox,
                canary=canary,
            )
            ownership = Ownership(storage.log, active, surroundings.adrift)
            async with _alongside(
                partial(_every, OWNERSHIP_INTERVAL, ownership.check),
                partial(_every, PURGE_INTERVAL, accounts.purge),
                partial(_every, PURGE_INTERVAL, invitations.purge),
                partial(_every, PURGE_INTERVAL, inbox.trim),
            ):
                yield engine
                await system.stop(drain=True, grace=settings.shutdown_grace / 2)

    async def is_alive(self) -> bool:
        """Whether a message through a real mailbox is answered within a second."""
        try:
            await self._canary.ask(Ping(), timeout=1.0)
        except AskFailed:
            return False
        return True


def _try_to_tell(ref: Ref[Any], message: Message[Any, None]) -> None:
    """Tell; refused, it is counted as a dead letter, and what it tells of stands."""
    with suppress(AskFailed):
        ref.tell(message)


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """The SQL storage that the settings name. SQLite is migrated at once; PostgreSQL is for `gathering migrate`."""
    from engine.storage.sql import SqlStorage, migrate  # noqa: PLC0415 - simulations need no database library

    if settings.sqlite_path is not None:
        await migrate(settings.database_url)
    async with SqlStorage(settings.database_url, time_limit=settings.storage_timeout) as storage:
        yield storage


@asynccontextmanager
async def _alongside(*chores: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Run chores for as long as the block. An error of the block itself leaves as it is, not in a group."""
    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        for chore in chores:
            tasks.start_soon(chore)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again outside of the group
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _every(seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
    """Do a chore again and again. One that fails is done again in its time: nobody's message hangs on it."""
    while True:
        try:
            await chore()
        except StorageUnavailable:
            log.warning("chore.postponed", chore=chore.__qualname__)
        except Exception:  # a supervision boundary: the engine goes on without
            log.exception("chore.failed", chore=chore.__qualname__)
        await anyio.sleep(seconds)
