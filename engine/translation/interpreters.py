"""The workers of the pool: each has one request to a provider under way."""

from actors import Actor, Message, handles
from engine.translation.provider import Batch, Provider, ProviderFailed, Translated


class Interpret(Message["Interpreter", list[Translated | ProviderFailed]], frozen=True):
    """Have a batch translated."""

    batch: Batch


class Interpreter(Actor):
    """Makes one request at a time."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    @handles(Interpret)
    async def interpret(self, message: Interpret) -> list[Translated | ProviderFailed]:
        """Ask the provider."""
        return await self._provider.translate(message.batch)
