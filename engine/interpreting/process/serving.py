"""What the server does for its booths in the other process, giving way to those who post."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from actors import ActorError, Answer, Ref
from engine.domain.messages import Translation
from engine.errors import EngineError, NotFound
from engine.interpreting.process.wire import AskLacking, Complete, Keep, ToServer, failed, failure_of
from engine.processes.link import Reply
from engine.timelines.translating import ReadLacking
from engine.traffic import Traffic
from engine.translation import chat_model
from engine.translation.provider import ProviderFailed

GIVE_WAY: Final = 0.03
"""Seconds for which those who post come first, at most, before translations are kept."""


class Serving:
    """Answers what the process asks. `timeline` finds one by its channel."""

    def __init__(
        self,
        timeline: Callable[[str], Ref[Any] | None],
        complete: chat_model.Complete | None,
        traffic: Traffic,
    ) -> None:
        self._timeline = timeline
        self._complete = complete
        self._traffic = traffic

    def take(self, question: ToServer, reply: Reply) -> bool:
        """Have translations kept at once, if nobody is on the way: that is asked most often by far."""
        if not isinstance(question, Keep) or self._traffic.busy:
            return False

        def came(answer: Answer[tuple[Translation | None, ...]]) -> None:
            if answer.error is None:
                reply.answer(answer.value)
            else:
                reply.refuse(failure_of(answer.error))

        try:
            self._find(question.channel).request(question.command, came)
        except (NotFound, ActorError) as error:
            reply.refuse(failure_of(error))
        return True

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
            case AskLacking(channel=channel):
                return await self._find(channel).ask(ReadLacking())
            case Complete(system=system, text=text):
                assert self._complete is not None  # the process was told
                return await self._complete(system, text)

    def _find(self, channel: str) -> Ref[Any]:
        ref = self._timeline(channel)
        if ref is None:
            raise NotFound("there is no such timeline")
        return ref

    async def _keep(self, question: Keep) -> tuple[Translation | None, ...]:
        command = question.command
        if not await self._traffic.give_way(GIVE_WAY):
            command = msgspec.structs.replace(command, patient=False)
        kept: tuple[Translation | None, ...] = await self._find(question.channel).ask(command)
        return kept
