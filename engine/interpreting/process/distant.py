"""What booths find around them in a process of their own: it asks the server."""

from typing import TypeVar

from actors import Actor, Mailbox, handles
from engine.domain.messages import Translation
from engine.errors import EngineError, Overloaded
from engine.interpreting.process.wire import AskLacking, Complete, Keep, error_of
from engine.processes.link import Failed, Link, LinkEnded, Question
from engine.timelines.translating import AddTranslations, Lacking, ReadLacking
from engine.translation.provider import ProviderFailed

R = TypeVar("R")


class Server:
    """The other end of the link, with the engine's own errors."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask(self, question: Question[R]) -> R:
        """Ask. Raises what it was refused with over there, and `Overloaded` when nobody is there any more."""
        try:
            return await self._link.ask(question)
        except Failed as error:
            raise error_of(error.failure) from None
        except LinkEnded:
            raise Overloaded("the server has gone") from None

    async def complete(self, system: str, text: str) -> str:
        """See `engine.translation.chat_model.Complete`."""
        try:
            return await self.ask(Complete(system, text))
        except EngineError as error:
            raise ProviderFailed("unavailable", str(error)) from error


class DistantTimeline(Actor):
    """Stands for a timeline of the server, as far as its booth asks it something."""

    mailbox = Mailbox(1024)

    def __init__(self, channel: str, server: Server) -> None:
        self._channel = channel
        self._server = server

    @handles(ReadLacking)  # type: ignore[arg-type] # of timelines, which this is to its booth
    async def read_lacking(self, message: ReadLacking) -> Lacking | None:  # type: ignore[misc]
        """Ask the timeline."""
        del message
        return await self._server.ask(AskLacking(self._channel))

    @handles(AddTranslations)  # type: ignore[arg-type]
    async def add_translations(self, message: AddTranslations) -> tuple[Translation | None, ...]:  # type: ignore[misc]
        """Have the timeline keep them."""
        return await self._server.ask(Keep(self._channel, message))
