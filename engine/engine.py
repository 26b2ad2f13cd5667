"""The engine: the supervision tree, composed from settings, readable from top to bottom."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import structlog

from actors import (
    Activation,
    Actor,
    ActorStopped,
    ActorSystem,
    AskFailed,
    Limits,
    Message,
    Ref,
    Unavailable,
    handles,
)
from engine.accounts import Accounts
from engine.accounts.avatars import Avatars, open_avatars
from engine.activity import Recorder, Scribe
from engine.activity.recorder import Record
from engine.agents import Agents, start_agents
from engine.agents.models import Models
from engine.agents.models.models import Opener
from engine.agents.opening import open_models
from engine.clock import Clock, SystemClock
from engine.domain.activity import Activity
from engine.domain.fields import ParticipantId, TimelineId
from engine.errors import StorageUnavailable
from engine.inbox import Agenda, Herald, Inbox, Readings
from engine.inbox.herald import Wake
from engine.inbox.readings import Read
from engine.journal import Journal
from engine.ownership import Ownership
from engine.presence import People
from engine.search.searching import Searching
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
from engine.timelines.underway import Underway
from engine.webhooks import Webhooks, WebhookSettings
from engine.webhooks.retries import Retries
from engine.webhooks.sender import Sender

log = structlog.get_logger(__name__)

TAKEOVER_REST = 10.0
"""How long a timeline that another process has taken over is left alone, in seconds."""
OWNERSHIP_INTERVAL = 2.0
"""How often takeovers of quiet timelines are looked for, in seconds."""
PRESENCE_INTERVAL = 1.0
"""How often those who have gone for good are looked for, in seconds."""
ARCHIVE_REST = 10.0
"""How long an archive that nobody asks stays, in seconds."""
WEBHOOK_INTERVAL = 5.0
"""How often webhooks are looked for that have something to do, in seconds."""
WEBHOOK_LEARNING = 60.0
"""How often it is looked up which rooms have webhooks, in seconds."""
AGENTS_LEARNING = 60.0
"""How often it is looked up which agents there are, in seconds."""
PURGE_INTERVAL = 3600.0
"""How often expired sign-ins, invitations and old activity are forgotten, in seconds."""
PURGED_AT_ONCE = 1000
"""Entries of the activity log that are forgotten in one transaction."""
PURGE_PAUSE = 0.1
"""Seconds between two of those."""


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
        avatars: Avatars,
        presence: People,
        timelines: Timelines,
        invitations: Invitations,
        webhooks: Webhooks,
        inbox: Inbox,
        models: Models,
        agents: Agents,
        underway: Underway,
        canary: Ref[Canary],
    ) -> None:
        self.settings = settings
        self.storage = storage
        self.clock = clock
        self.system = system
        self.accounts = accounts
        self.avatars = avatars
        self.presence = presence
        self.timelines = timelines
        self.invitations = invitations
        self.webhooks = webhooks
        self.searching = Searching(storage)
        self.inbox = inbox
        self.models = models
        self.agents = agents
        self._underway = underway
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
        webhook_sender: Sender | None = None,
        model_opener: Opener | None = None,
    ) -> "AsyncIterator[Engine]":
        """Open the storage that the settings name (or take the one given, opened already) and start everything on it.

        A SQLite database is brought to the present schema first. Leaving the block drains: what was accepted is finished, at
        most within half of `settings.shutdown_grace`. `seed` makes the system's jitter repeatable.
        `webhook_sender` stands in for HTTP, `model_opener` for LangChain.
        """
        if storage is None:
            async with (
                open_storage(settings) as opened,
                cls.open(
                    settings,
                    storage=opened,
                    clock=clock,
                    seed=seed,
                    webhook_sender=webhook_sender,
                    model_opener=model_opener,
                ) as engine,
            ):
                yield engine
            return
        clock = clock or SystemClock()
        async with (
            ActorSystem("gathering", seed=seed) as system,
            open_avatars(settings.avatar_url, system.clock) as avatars,
            open_models(system, settings, clock, seed=seed, opener=model_opener) as models,
        ):
            canary = await system.spawn(Canary, "canary")
            journal = await system.spawn(lambda: Journal(storage.log), "journal", mailbox=Journal.mailbox)

            recorder = await system.spawn(lambda: Recorder(storage.activity), "activity", mailbox=Recorder.mailbox)

            def record(entries: tuple[Activity, ...]) -> None:
                with suppress(ActorStopped, Unavailable):  # nobody waits for the record
                    recorder.tell(Record(entries))

            accounts = Accounts.of(settings, storage, clock, record=record)
            feed = Feed()
            feed.watch(Scribe(clock, record).follow)

            def archive(key: str) -> Archive:
                return Archive(TimelineId(key), storage)

            archives = await system.virtual(archive, "archives", activation=Activation(idle_after=ARCHIVE_REST))
            presence = People(system.clock, grace=settings.presence_grace)
            accounts.watch(presence.account_changed)

            def itself(channel: str) -> Ref[Timeline] | None:
                return timelines.ref(channel)

            surroundings = Surroundings(
                storage=storage,
                journal=journal,
                archive=archives.ref,
                clock=clock,
                monotonic=system.clock,
                adrift=set(),
                fences=Fences(system.clock, TAKEOVER_REST),
                feed=feed,
                quotas=accounts.quotas,
                presence=presence,
                itself=itself,
                underway=Underway(),
                settings=TimelineSettings(
                    recent_events=settings.recent_events,
                    message_characters=settings.message_characters,
                    write_timeout=2 * settings.storage_timeout,
                    read_timeout=settings.storage_timeout,
                    few=settings.presence_few,
                    answer_characters=settings.answer_characters,
                    answer_seconds=settings.answer_seconds,
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
            inbox = await _start_inbox(system, storage, clock, feed=feed, personal=personal, connected=connected)
            invitations = Invitations(storage.invites, timelines, clock)
            webhooks = await Webhooks.start(
                system,
                storage,
                clock,
                _webhook_settings(settings),
                feed=feed,
                room=timelines.room,
                start_limit=2 * settings.storage_timeout + 1,
                seed=seed,
                sender=webhook_sender,
            )
            agents = await start_agents(system, storage, clock, settings, feed=feed, timelines=timelines, models=models)
            engine = cls(
                settings=settings,
                storage=storage,
                clock=clock,
                system=system,
                accounts=accounts,
                avatars=avatars,
                presence=presence,
                timelines=timelines,
                invitations=invitations,
                webhooks=webhooks,
                inbox=inbox,
                models=models,
                agents=agents,
                underway=surroundings.underway,
                canary=canary,
            )
            ownership = Ownership(storage.log, active, surroundings.adrift)
            purge_activity = partial(_purge_activity, storage, clock, timedelta(days=settings.activity_days))
            async with _alongside(
                models.prepare,
                partial(_every, OWNERSHIP_INTERVAL, ownership.check),
                partial(_every, PRESENCE_INTERVAL, presence.sweep),
                partial(_every, PURGE_INTERVAL, accounts.purge),
                partial(_every, PURGE_INTERVAL, invitations.purge),
                partial(_every, WEBHOOK_LEARNING, webhooks.learn),
                partial(_every, WEBHOOK_INTERVAL, webhooks.check),
                partial(_every, PURGE_INTERVAL, purge_activity),
                partial(_every, PURGE_INTERVAL, inbox.trim),
                partial(_every, AGENTS_LEARNING, agents.learn),
                partial(_every, PURGE_INTERVAL, agents.purge),
            ):
                yield engine
                await engine.stop_answers()
                await webhooks.close()
                await system.stop(drain=True, grace=settings.shutdown_grace / 2)

    async def stop_answers(self) -> None:
        """Begin no more answers, and end those in progress: before their readers are sent away. Takes at most a second."""
        await self._underway.stop(self.timelines.ref)

    async def is_alive(self) -> bool:
        """Whether a message through a real mailbox is answered within a second."""
        try:
            await self._canary.ask(Ping(), timeout=1.0)
        except AskFailed:
            return False
        return True


async def _start_inbox(
    system: ActorSystem,
    storage: Storage,
    clock: Clock,
    *,
    feed: Feed,
    personal: Callable[[ParticipantId], Ref[PersonalTimeline]],
    connected: set[ParticipantId],
) -> Inbox:
    """What people have read and not read, and the two actors that write it down and tell them."""
    agenda = Agenda(system.clock, connected)
    herald = await system.spawn(lambda: Herald(agenda, storage, personal), "herald")
    agenda.wake = lambda: _try_to_tell(herald, Wake())
    feed.watch(agenda.note)

    def marker_moved(read: Read) -> None:
        _try_to_tell(read.timeline, ShowRead(read.participant_id, read.offset))
        agenda.note_read(TimelineId(read.timeline.key), read.participant_id)

    readings = await system.spawn(
        lambda: Readings(storage.markers, clock, marker_moved), "readings", mailbox=Readings.mailbox
    )
    return Inbox(storage, clock, readings)


def _webhook_settings(settings: Settings) -> WebhookSettings:
    return WebhookSettings(
        allow_private=settings.webhook_allow_private,
        timeout=settings.webhook_timeout,
        concurrency=settings.webhook_concurrency,
        per_host=settings.webhook_concurrency_per_host,
        lease=settings.webhook_lease,
        disable_after=3600 * settings.webhook_disable_hours,
        retries=Retries(attempts=settings.webhook_attempts, initial=settings.webhook_retry_delay),
    )


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


async def _purge_activity(storage: Storage, clock: Clock, kept: timedelta) -> None:
    """Forget old activity, a little at a time: nobody's post waits for long."""
    forgotten = PURGED_AT_ONCE
    while forgotten == PURGED_AT_ONCE:
        forgotten = await storage.activity.purge(before=clock.now() - kept, most=PURGED_AT_ONCE)
        await anyio.sleep(PURGE_PAUSE)


async def _every(seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
    """Do a chore again and again. One that fails is done again in its time: nobody's message hangs on it."""
    while True:
        try:
            await chore()
        except StorageUnavailable:
            log.warning("chore.postponed", chore=_name(chore))
        except Exception:  # a supervision boundary: the engine goes on without
            log.exception("chore.failed", chore=_name(chore))
        await anyio.sleep(seconds)


def _name(chore: Callable[[], Awaitable[object]]) -> str:
    function = chore.func if isinstance(chore, partial) else chore
    return str(getattr(function, "__qualname__", function))
