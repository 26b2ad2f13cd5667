"""What the server does for its booths in the other process, giving way to those who post."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio
import msgspec

from actors import ActorError, Answer, Ref
from engine.domain.messages import Translation
from engine.errors import EngineError, NotFound
from engine.interpreting.memory import TranslationMemory
from engine.interpreting.process.wire import (
    AskKnown,
    AskLacking,
    AskLanguages,
    Complete,
    Keep,
    Kept,
    ToServer,
    failed,
    failure_of,
)
from engine.timelines.translating import ReadLacking
from engine.traffic import Traffic
from engine.translation import chat_model
from engine.translation.provider import ProviderFailed

GIVE_WAY: Final = 0.03
"""Seconds for which those who post come first, at most, before translations are kept."""
LOOK_AWAY: Final = 0.01
"""The same before earlier ones are looked up: somebody who reads a page may wait for them, for a tenth of a second."""


class Serving:
    """Answers what the process asks. `timeline` finds one by its channel."""

    def __init__(
        self,
        timeline: Callable[[str], Ref[Any] | None],
        memory: TranslationMemory,
        complete: chat_model.Complete | None,
        traffic: Traffic,
    ) -> None:
        self._timeline = timeline
        self._memory = memory
        self._complete = complete
        self._traffic = traffic

    async def answer(self, question: ToServer) -> object:
        """The answer to a question. Raises `Failed`."""
        try:
            return await self._answer(question)
        except (EngineError, ActorError, ProviderFailed) as error:
            raise failed(error) from error

    async def _answer(self, question: ToServer) -> object:
        match question:
            case Keep():
                return await self._keep(question)
            case AskKnown(pairs=pairs):
                await self._traffic.give_way(LOOK_AWAY)
                return await self._memory.known(pairs)
            case AskLacking(channel=channel):
                return await self._find(channel).ask(ReadLacking())
            case AskLanguages(timeline_id=timeline_id):
                return await self._memory.languages(timeline_id)
            case Complete(system=system, text=text):
                assert self._complete is not None  # the process was told
                return await self._complete(system, text)

    def _find(self, channel: str) -> Ref[Any]:
        ref = self._timeline(channel)
        if ref is None:
            raise NotFound("there is no such timeline")
        return ref

    async def _keep(self, question: Keep) -> list[Kept]:
        """Ask the timeline for all of it at once: so it is one turn there, and one commit."""
        ref = self._find(question.channel)
        kept = [Kept()] * len(question.additions)
        left = len(kept)
        done = anyio.Event()

        def came(number: int, answer: Answer[Translation | None]) -> None:
            nonlocal left
            kept[number] = Kept(answer.value) if answer.error is None else Kept(failure=failure_of(answer.error))
            left -= 1
            if not left:
                done.set()

        is_free = await self._traffic.give_way(GIVE_WAY)
        for number, each in enumerate(question.additions):
            addition = each if is_free else msgspec.structs.replace(each, patient=False)
            try:
                ref.request(addition, partial(came, number))
            except ActorError as error:
                came(number, Answer.failed(error))
        if left:
            await done.wait()
        return kept
