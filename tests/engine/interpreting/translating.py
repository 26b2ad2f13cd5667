"""A provider that a test can get in the way of, and readers who keep what they are told."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from engine.domain.events import MessageTranslated
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.storage.repositories import Storage
from engine.timelines.commands import Position, Subscribe, Subscribed
from engine.timelines.fanout import ClientInfo
from engine.translation.languages import Offer
from engine.translation.markdown import rendered
from engine.translation.provider import Batch, Capacity, ProviderFailed, Translated, Usage
from tests.engine.timelines.acting import Listener, Place, settings
from tests.storage.made import a_user


class Scripted:
    """Translates `text` into `<target> text`. `meddle` is awaited before each answer, and may raise `ProviderFailed`."""

    name = "scripted"
    capacity = Capacity(requests=4)
    known = Offer()

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.batches: list[Batch] = []
        self.meddle: Callable[[Batch], Awaitable[None]] = _at_once

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        self.batches.append(batch)
        texts = [rendered(document) for document in batch.documents]
        self.texts += [(batch.target, text) for text in texts]
        await self.meddle(batch)
        return [Translated(f"{batch.target} {text}", batch.source or "en") for text in texts]

    async def offer(self) -> Offer:
        return Offer()

    async def usage(self) -> Usage:
        return Usage()

    def close(self) -> None: ...

    @property
    def targets(self) -> Counter[str]:
        """How many texts went into each language."""
        return Counter(target for target, _ in self.texts)


async def _at_once(_batch: Batch) -> None: ...


def translating(storage: Storage, provider: Scripted, **changes: Any) -> AbstractAsyncContextManager[Engine]:
    """An engine on a storage that is open already, with this provider."""
    return Engine.open(settings(**changes), storage=storage, seed=0, translation_providers=(provider,))


async def speaker(storage: Storage, name: str, language: str | None) -> Principal:
    """Someone who prefers a language."""
    user = a_user(name, language=language)
    assert await storage.users.add(user, "hash", "epoch") is None
    return user.principal


async def read(
    place: Place, by: Principal, language: str | None, *, since: Position | None = None, client: str | None = None
) -> tuple[Listener, Subscribed]:
    """Subscribe, to read in a language."""
    listener = Listener()
    info = ClientInfo(client or f"{by.participant.name}'s", by.id)
    command = Subscribe(by, info, listener, since, language)
    return listener, await place.engine.timelines.subscribe(place.ref, command)


def heard(listener: Listener) -> list[str]:
    """The translations that somebody has been told of, in order."""
    return [each.text for each in listener.events if isinstance(each, MessageTranslated)]


def into(language: str, messages: Iterable[Message]) -> list[str]:
    """What the provider makes of them."""
    return [f"{language} {message.text}" for message in messages]
