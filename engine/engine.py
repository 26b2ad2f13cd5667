"""The engine: the supervision tree, composed from settings, readable from top to bottom."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from actors import Activation, ActorSystem, AskFailed, Ref
from engine.accounts import Accounts
from engine.accounts.avatars import Avatars, open_avatars
from engine.activity import Activities
from engine.agents import Agents, start_agents
from engine.agents.completing import completing
from engine.agents.documents import Documents
from engine.agents.memories import Memories
from engine.agents.models import Models
from engine.agents.models.models import Opener
from engine.agents.opening import open_models
from engine.canary import Canary, Ping
from engine.chores import Chore, doing
from engine.clock import Clock, SystemClock
from engine.domain.fields import ParticipantId, TimelineId
from engine.inbox import Inbox, start_inbox
from engine.interpreting import Interpreting, open_interpreting
from engine.interpreting.booths import REMINDERS
from engine.journal import Journal
from engine.ownership import Ownership
from engine.presence import People
from engine.search.searching import Searching
from engine.settings import Settings
from engine.storage.checkpoints import Checkpoints
from engine.storage.repositories import Storage
from engine.timelines.archive import Archive
from engine.timelines.directory import Timelines
from engine.timelines.feed import Feed
from engine.timelines.fences import Fences
from engine.timelines.invitations import Invitations
from engine.timelines.start import start_timelines
from engine.timelines.surroundings import Surroundings, TimelineSettings
from engine.timelines.timeline import Timeline
from engine.timelines.underway import Underway
from engine.traffic import Courtesy, Traffic
from engine.translation.detection import Detector
from engine.translation.provider import Provider
from engine.webhooks import Webhooks, WebhookSettings
from engine.webhooks.sender import Sender

TAKEOVER_REST: Final = 10.0
"""How long a timeline that another process has taken over is left alone, in seconds."""
ARCHIVE_REST: Final = 10.0
"""How long an archive that nobody asks stays, in seconds."""
# How often chores are done, in seconds.
TAKEOVERS: Final = 2.0
DEPARTURES: Final = 1.0
CHECKPOINTS: Final = 1.0
READING_AHEAD: Final = 0.5
DUE_WEBHOOKS: Final = 5.0
LEARNING: Final = 60.0
PURGES: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A running engine, made by `Engine.open`.

    async with Engine.open(settings) as engine:
        user = await engine.accounts.register(Registration(...))
        room = await engine.timelines.create_room(user.principal, NewRoom(name="Lobby"))
    """

    settings: Settings
    storage: Storage
    clock: Clock
    system: ActorSystem
    accounts: Accounts
    avatars: Avatars
    presence: People
    activities: Activities
    timelines: Timelines
    invitations: Invitations
    webhooks: Webhooks
    inbox: Inbox
    searching: Searching
    interpreting: Interpreting
    models: Models
    agents: Agents
    memories: Memories
    documents: Documents
    traffic: Traffic
    feed: Feed
    underway: Underway
    canary: Ref[Canary]

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
        translation_providers: tuple[Provider, ...] | None = None,
        detector: Detector | None = None,
        model_opener: Opener | None = None,
    ) -> "AsyncIterator[Engine]":
        """Open the storage that the settings name (or take the one given, opened already) and start everything on it.

        A SQLite database is brought to the present schema first. Leaving the block drains: what was accepted is finished, at
        most within half of `settings.shutdown_grace`. `seed` makes the system's jitter repeatable.
        `webhook_sender` stands in for HTTP, `translation_providers` for those that the settings name, `detector` for the one that
        knows languages, `model_opener` for LangChain.
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
                    translation_providers=translation_providers,
                    detector=detector,
                    model_opener=model_opener,
                ) as engine,
            ):
                yield engine
            return
        clock = clock or SystemClock()
        traffic, feed = Traffic(), Feed()
        start_limit = 2 * settings.storage_timeout + 1

        def in_memory() -> Iterator[str]:
            return timelines.shared()

        def itself(channel: str) -> Ref[Timeline] | None:
            return timelines.ref(channel)

        async with (
            ActorSystem("gathering", seed=seed) as system,
            open_avatars(settings.avatar_url, system.clock) as avatars,
            open_models(system, settings, traffic, seed=seed, opener=model_opener) as models,
            open_interpreting(
                system,
                settings,
                storage,
                feed,
                traffic,
                clock=clock,
                timeline=itself,
                channels=in_memory,
                start_limit=start_limit,
                complete=completing(models) if models.default is not None else None,
                providers=translation_providers,
                detector=detector,
                seed=seed,
            ) as interpreting,
        ):
            canary = await system.spawn(Canary, "canary")
            journal = await system.spawn(lambda: Journal(storage.log, traffic), "journal", mailbox=Journal.mailbox)
            activities = await Activities.start(system, storage.activity, clock, traffic, feed=feed)
            accounts = Accounts.of(settings, storage, clock, record=activities.note)
            presence = People(system.clock, grace=settings.presence_grace)
            accounts.watch(presence.account_changed)

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
                traffic=traffic,
                fences=Fences(system.clock, TAKEOVER_REST),
                feed=feed,
                quotas=accounts.quotas,
                presence=presence,
                itself=itself,
                interpreters=interpreting if interpreting.enabled else None,
                underway=Underway(),
                settings=TimelineSettings.of(settings),
            )
            connected: set[ParticipantId] = set()
            timelines = await start_timelines(
                system,
                surroundings,
                idle_after=settings.idle_passivation,
                start_limit=start_limit,
                connected=connected,
            )
            inbox = await start_inbox(
                system, storage, clock, traffic, feed=feed, personal=timelines.person, connected=connected
            )
            webhooks = await Webhooks.start(
                system,
                storage,
                clock,
                WebhookSettings.of(settings),
                feed=feed,
                room=timelines.room,
                start_limit=start_limit,
                seed=seed,
                sender=webhook_sender,
            )
            agents = await start_agents(
                system, storage, clock, settings, feed=feed, timelines=timelines, presence=presence, models=models
            )
            engine = cls(
                settings=settings,
                storage=storage,
                clock=clock,
                system=system,
                accounts=accounts,
                avatars=avatars,
                presence=presence,
                activities=activities,
                timelines=timelines,
                invitations=Invitations(storage.invites, timelines, clock),
                webhooks=webhooks,
                inbox=inbox,
                searching=Searching(storage),
                interpreting=interpreting,
                models=models,
                agents=agents,
                memories=agents.memories,
                documents=agents.documents,
                traffic=traffic,
                feed=feed,
                underway=surroundings.underway,
                canary=canary,
            )
            ownership = Ownership(storage.log, timelines.active, surroundings.adrift)
            await interpreting.ready()
            async with doing(
                Chore(TAKEOVERS, ownership.check),
                Chore(DEPARTURES, presence.sweep),
                Chore(CHECKPOINTS, Checkpoints(storage.checkpoint).look),
                Chore(READING_AHEAD, partial(accounts.read_ahead, Courtesy(traffic, patience=READING_AHEAD / 10))),
                Chore(DUE_WEBHOOKS, webhooks.check),
                Chore(REMINDERS, interpreting.remind),
                Chore(LEARNING, webhooks.learn),
                Chore(LEARNING, agents.learn),
                Chore(PURGES, models.prepare),
                Chore(PURGES, accounts.purge),
                Chore(PURGES, engine.invitations.purge),
                Chore(PURGES, inbox.trim),
                Chore(PURGES, agents.purge),
                Chore(PURGES, partial(activities.purge, timedelta(days=settings.activity_days))),
            ):
                yield engine
                await engine.stop_answers()
                await webhooks.close()
                await interpreting.close()
                await system.stop(drain=True, grace=settings.shutdown_grace / 2)

    async def stop_answers(self) -> None:
        """Begin no more answers, and end those in progress: before their readers are sent away. Takes at most a second."""
        await self.underway.stop(self.timelines.ref)

    async def is_alive(self) -> bool:
        """Whether a message through a real mailbox is answered within a second."""
        try:
            await self.canary.ask(Ping(), timeout=1.0)
        except AskFailed:
            return False
        return True


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[Storage]:
    """The SQL storage that the settings name. SQLite is migrated at once; PostgreSQL is for `gathering migrate`."""
    from engine.storage.sql import SqlStorage, migrate  # noqa: PLC0415 - simulations need no database library

    if settings.sqlite_path is not None:
        await migrate(settings.database_url)
    async with SqlStorage(settings.database_url, time_limit=settings.storage_timeout) as storage:
        yield storage
