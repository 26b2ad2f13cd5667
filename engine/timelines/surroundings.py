"""What a timeline finds around it."""

from collections.abc import Callable
from typing import Any, Protocol, Self

import msgspec

from actors import Ref
from engine.accounts.quota import Quotas
from engine.clock import Clock
from engine.domain.fields import TimelineId
from engine.journal import Journal
from engine.presence import People
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.timelines.archive import Archive
from engine.timelines.feed import Feed
from engine.timelines.fences import Fences
from engine.timelines.underway import Underway
from engine.traffic import Traffic


class TimelineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much timelines hold and how long they wait.

    `recent_events`: how many events stay in memory. `message_characters`: the longest text. `write_timeout`: seconds until a
    write or claim without an answer counts as failed; `read_timeout`: the same for a look into the archive. `few`: up to how
    many clients and members are told of each one who comes and goes; more are told in summaries. `answer_characters`: the longest
    answer; `answer_seconds`: how long one may take.
    """

    recent_events: int = 1000
    message_characters: int = 4000
    write_timeout: float = 4.0
    read_timeout: float = 2.0
    few: int = 100
    answer_characters: int = 16_000
    answer_seconds: float = 600.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What the settings say of timelines."""
        return cls(
            recent_events=settings.recent_events,
            message_characters=settings.message_characters,
            write_timeout=2 * settings.storage_timeout,
            read_timeout=settings.storage_timeout,
            few=settings.presence_few,
            answer_characters=settings.answer_characters,
            answer_seconds=settings.answer_seconds,
        )


class Interpreters(Protocol):
    """Who translates what is written. Called inside a timeline's turn: returns at once and never raises."""

    def detect(self, text: str) -> str | None:
        """The language that a text is in; None when there is no telling."""
        ...

    def came(self, channel: str, language: str) -> None:
        """Somebody who reads in this language has begun to listen to a timeline."""
        ...


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every timeline of a process is given.

    `monotonic` tells the time in seconds for waiting, `clock` the time of day. `adrift` holds the timelines that do not know
    where their log stands; `Ownership` wakes them when the database answers again. `feed` is told what they commit. `quotas`
    are how much people may post. `presence` knows who is connected; `itself` is a timeline's own reference, by its channel.
    `traffic` is told what they commit at the moment. `underway` are the timelines where somebody is answering. `interpreters` is None
    where nothing is translated.
    """

    storage: Storage
    journal: Ref[Journal]
    archive: Callable[[TimelineId], Ref[Archive]]
    clock: Clock
    monotonic: Callable[[], float]
    fences: Fences
    adrift: set[TimelineId]
    traffic: Traffic
    feed: Feed
    quotas: Quotas
    presence: People
    itself: Callable[[str], Ref[Any] | None]
    underway: Underway
    settings: TimelineSettings
    interpreters: Interpreters | None = None
