"""What the doors ask about languages, and what wakes the booths: commits, and readers who come."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, Self

import anyio
import msgspec

from actors import (
    Activation,
    ActorStopped,
    ActorSystem,
    AskFailed,
    DeadLetter,
    Limits,
    MailboxFull,
    Message,
    Ref,
    Unavailable,
    VirtualActors,
)
from engine.domain.events import MessageEdited, MessagePosted, RoomUpdated
from engine.domain.fields import MessageId, TimelineKind
from engine.domain.messages import Message as ChatMessage
from engine.domain.people import Principal
from engine.interpreting.booth import Booth
from engine.interpreting.commands import Consider, Demand, Review
from engine.interpreting.librarian import Librarian
from engine.interpreting.pace import Pace
from engine.interpreting.surroundings import Surroundings
from engine.storage.repositories import Storage
from engine.timelines.commands import MessagePage
from engine.timelines.directory import Timelines
from engine.timelines.feed import Feed, News
from engine.timelines.timeline import Timeline
from engine.timelines.translating import CONTEXT, AskStyle, Original, Style, originals, style_of
from engine.traffic import Traffic
from engine.translation import TranslationStatus, Translators

BOOTHS: Final = "booths"
LIBRARIAN: Final = "librarian"
IDLE_AFTER: Final = 60.0
"""Seconds until a booth in which nothing happens is left."""
PATIENCE: Final = 0.1
"""Seconds that a page of messages waits at most for translations that are not there."""
_MARGIN: Final = 0.01
"""Of these, what is left for the way back."""


class InterpretingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the booths have done since the process started, and how they stand.

    `asked` of the translators, `reused` from what was stored, `stored` translations; `outdated`: the message was changed or deleted
    meanwhile; `failed` by reason. `booths` are the timelines in which something is or was lately translated.
    """

    booths: int
    asked: int
    reused: int
    stored: int
    outdated: int
    failed: dict[str, int]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The translators, and what is done with their work."""

    translators: TranslationStatus
    interpreting: InterpretingStatus


class Interpreting:
    """Made by `start`. Stands in a timeline's surroundings as `Interpreters` where there is a provider."""

    def __init__(self, translators: Translators) -> None:
        self._translators = translators
        self._booths: VirtualActors[Booth]
        self._counts: Counter[str] = Counter()
        self._overheard: set[str] = set()

    @classmethod
    async def start(
        cls,
        system: ActorSystem,
        storage: Storage,
        translators: Translators,
        feed: Feed,
        traffic: Traffic,
        *,
        timeline: Callable[[str], Ref[Timeline] | None],
        start_limit: float,
    ) -> Self:
        """Start the booths' family in this system. The feed is listened to where there is somebody to translate."""
        interpreting = cls(translators)
        librarian = await system.spawn(
            lambda: Librarian(storage.translations, traffic), LIBRARIAN, mailbox=Librarian.mailbox
        )
        surroundings = Surroundings(
            storage=storage,
            librarian=librarian,
            translators=translators,
            timeline=timeline,
            booth=interpreting._booth,
            time=system.clock,
            pace=Pace(system.clock),
            traffic=traffic,
            counts=interpreting._counts,
            overheard=interpreting._overheard,
        )
        activation = Activation(idle_after=IDLE_AFTER, limits=Limits(start=start_limit))
        interpreting._booths = await system.virtual(
            lambda channel: Booth(channel, surroundings), BOOTHS, mailbox=Booth.mailbox, activation=activation
        )
        if translators.enabled:
            feed.watch(interpreting.note)
            system.dead_letters.subscribe(interpreting._lost)
        return interpreting

    @property
    def enabled(self) -> bool:
        """Whether there is a provider."""
        return self._translators.enabled

    def _booth(self, channel: str) -> Ref[Booth]:
        return self._booths.ref(channel)

    # -- what timelines tell -------------------------------------------------------------------------------------------

    def detect(self, text: str) -> str | None:
        """See `Interpreters`."""
        return self._translators.detect(text)

    def came(self, channel: str, language: str) -> None:
        """See `Interpreters`: what they lack of what was posted before is looked for."""
        del language  # all that are read are looked through together
        self._tell(channel, Review())

    def note(self, news: News) -> None:
        """Take in what a timeline has committed; called inside its turn."""
        if news.kind is TimelineKind.USER or (style := style_of(news.channel, news.room)) is None:
            return
        changed = {
            each.message.id: each.message for each in news.events if isinstance(each, MessagePosted | MessageEdited)
        }
        if changed:
            found = tuple(_originals(news, changed))
            self._tell(news.channel, Consider(found, style, tuple(news.languages), len(news.members)))
        if news.languages and any(isinstance(each, RoomUpdated) for each in news.events):
            self._tell(news.channel, Review())  # translation may have been switched on

    def _tell(self, channel: str, message: Message[Booth, None]) -> None:
        with suppress(MailboxFull, ActorStopped, Unavailable):  # a dead letter then, see `_lost`
            self._booth(channel).tell(message)

    def _lost(self, letter: DeadLetter) -> None:
        """A booth has not handled something: one that crashes again and again forgets what it knew, and is not started by itself."""
        family, _, channel = letter.path.rpartition("/")
        if family.endswith(f"/{BOOTHS}"):
            self._overheard.add(channel)

    async def remind(self) -> None:
        """Have the booths that missed something look for themselves: readers who stay do not ask again."""
        for channel in tuple(self._overheard):
            self._overheard.discard(channel)
            self._tell(channel, Review())

    # -- what doors ask ------------------------------------------------------------------------------------------------

    async def messages(
        self,
        timelines: Timelines,
        ref: Ref[Timeline],
        by: Principal,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
        language: str | None = None,
    ) -> MessagePage:
        """A page of messages, newest first, for who reads in this language.

        Those in another one have their translation; what is missing is made now, and waited for for `PATIENCE` at most.
        """
        style = None if language is None else await ref.ask(AskStyle(by))
        reader = None if style is None else language
        page = await timelines.messages(ref, by, before=before, after=after, limit=limit, language=reader)
        if style is None or reader is None:
            return page
        items = await self._complete(page.items, style, reader)
        return MessagePage(items, page.next_before)

    async def message(
        self, timelines: Timelines, ref: Ref[Timeline], by: Principal, message_id: MessageId, *, language: str | None
    ) -> ChatMessage:
        """One message, likewise."""
        style = None if language is None else await ref.ask(AskStyle(by))
        reader = None if style is None else language
        message = await timelines.message(ref, by, message_id, language=reader)
        if style is None or reader is None:
            return message
        return (await self._complete([message], style, reader))[0]

    async def _complete(self, items: Sequence[ChatMessage], style: Style, reader: str) -> list[ChatMessage]:
        missing = {each.id for each in items if each.translation is None}
        if not missing or not self.enabled:
            return list(items)
        oldest_first = [msgspec.structs.replace(each, translation=msgspec.UNSET) for each in reversed(items)]
        demand = Demand(tuple(originals(oldest_first, missing, {})), style, reader, PATIENCE - 2 * _MARGIN)
        found = {}
        with suppress(AskFailed), anyio.move_on_after(PATIENCE - _MARGIN):
            found = await self._booth(style.channel).ask(demand, timeout=PATIENCE)
        return [
            msgspec.structs.replace(each, translation=found[each.id]) if each.id in found else each for each in items
        ]

    def status(self) -> InterpretingStatus:
        """What was done so far."""
        counts = dict(self._counts)
        named = {name: counts.pop(name, 0) for name in ("asked", "reused", "stored", "outdated")}
        return InterpretingStatus(booths=sum(1 for _ in self._booths.cells), failed=counts, **named)


def _originals(news: News, changed: dict[MessageId, ChatMessage]) -> list[Original]:
    """What was posted or edited, in its present state, with what was said before it as far as it is at hand."""
    latest = list(islice(reversed(news.recent.messages.values()), len(changed) + CONTEXT))[::-1]
    found = list(originals(latest, changed, news.members))
    older = changed.keys() - {each.message.id for each in found}
    return [*found, *(Original(news.recent.messages.get(each, changed[each])) for each in older)]
