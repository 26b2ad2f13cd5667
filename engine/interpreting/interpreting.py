"""What the doors ask about languages, and what wakes the booths: commits, and readers who come."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import anyio
import msgspec

from actors import AskFailed, Ref
from engine.domain.events import MessageEdited, MessagePosted, RoomUpdated
from engine.domain.fields import MessageId, TimelineKind
from engine.domain.messages import Message as ChatMessage
from engine.domain.messages import Translation
from engine.domain.people import Principal
from engine.interpreting.booths import Booths
from engine.interpreting.commands import Consider, Demand
from engine.interpreting.status import InterpretingStatus, TranslationReport
from engine.timelines.commands import MessagePage
from engine.timelines.directory import Timelines
from engine.timelines.feed import Feed, News
from engine.timelines.timeline import Timeline
from engine.timelines.translating import CONTEXT, AskStyle, Original, Style, originals, style_of
from engine.translation import TranslationStatus
from engine.translation.detection import Detector

PATIENCE: Final = 0.1
"""Seconds that a page of messages waits at most for translations that are not there."""
_MARGIN: Final = 0.01
"""Of these, what is left for the way back."""


class Interpreting:
    """Made by `open_interpreting`. Stands in a timeline's surroundings as `Interpreters` where there is a provider.

    Without `booths` nothing is translated.
    """

    def __init__(self, booths: Booths | None, detector: Detector, feed: Feed) -> None:
        self._booths = booths
        self._detector = detector
        if booths is not None:
            feed.watch(self.note)

    @property
    def enabled(self) -> bool:
        """Whether there is a provider."""
        return self._booths is not None

    # -- what timelines tell -------------------------------------------------------------------------------------------

    def detect(self, text: str) -> str | None:
        """See `Interpreters`."""
        return self._detector.detect(text)

    def came(self, channel: str, language: str) -> None:
        """See `Interpreters`: what they lack of what was posted before is looked for."""
        del language  # all that are read are looked through together
        self._review(channel)

    def note(self, news: News) -> None:
        """Take in what a timeline has committed; called inside its turn."""
        if news.kind is TimelineKind.USER or (style := style_of(news.channel, news.room)) is None:
            return
        changed = {
            each.message.id: each.message for each in news.events if isinstance(each, MessagePosted | MessageEdited)
        }
        if changed and self._booths is not None:
            self._booths.consider(news.channel, partial(_considered, news, changed, style))
        if news.languages and any(isinstance(each, RoomUpdated) for each in news.events):
            self._review(news.channel)  # translation may have been switched on

    def _review(self, channel: str) -> None:
        if self._booths is not None:
            self._booths.review(channel)

    async def ready(self) -> None:
        """Wait for what takes a moment to start, which may ask timelines at once; not for long."""
        if self._booths is not None:
            await self._booths.ready()

    async def remind(self) -> None:
        """Have the booths that missed something look for themselves: readers who stay do not ask again."""
        if self._booths is not None:
            await self._booths.remind()

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
        if not missing or self._booths is None:
            return list(items)
        oldest_first = [msgspec.structs.replace(each, translation=msgspec.UNSET) for each in reversed(items)]
        demand = Demand(tuple(originals(oldest_first, missing, {})), style, reader, PATIENCE - 2 * _MARGIN)
        found: Mapping[MessageId, Translation] = {}
        with suppress(AskFailed), anyio.move_on_after(PATIENCE - _MARGIN):
            found = await self._booths.demand(style.channel, demand)
        return [
            msgspec.structs.replace(each, translation=found[each.id]) if each.id in found else each for each in items
        ]

    async def status(self) -> TranslationReport:
        """What was done so far. Raises `TryLater` when that cannot be said just now."""
        if self._booths is None:
            return TranslationReport(translators=TranslationStatus(enabled=False), interpreting=InterpretingStatus())
        return await self._booths.status()

    async def close(self) -> None:
        """End what is under way at providers: a server that stops waits for nobody's translation."""
        if self._booths is not None:
            await self._booths.close()


def _considered(news: News, changed: dict[MessageId, ChatMessage], style: Style) -> Consider:
    return Consider(tuple(_originals(news, changed)), style, tuple(news.languages), len(news.members))


def _originals(news: News, changed: dict[MessageId, ChatMessage]) -> list[Original]:
    """What was posted or edited, in its present state, with what was said before it as far as it is at hand."""
    latest = list(islice(reversed(news.recent.messages.values()), len(changed) + CONTEXT))[::-1]
    found = list(originals(latest, changed, news.members))
    older = changed.keys() - {each.message.id for each in found}
    return [*found, *(Original(news.recent.messages.get(each, changed[each])) for each in older)]
