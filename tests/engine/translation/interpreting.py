"""Providers that do what a test says, and translators on them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from actors import ActorSystem, Answer
from engine.settings import Settings
from engine.translation import ProviderStatus, Rendering, TranslationFailed, Translators, Work, start_translators
from engine.translation.detection import Detector
from engine.translation.languages import Offer
from engine.translation.markdown import rendered
from engine.translation.provider import Batch, Capacity, Provider, ProviderFailed, Translated, Usage

Behaviour = Callable[[Batch], Awaitable[list[Translated | ProviderFailed]]]


class Loaded(Detector):
    """A detector that finds nothing, and needs no thread for it."""

    loaded = True


def in_capitals(batch: Batch) -> list[Translated | ProviderFailed]:
    return [Translated(rendered(document).upper(), batch.source or "en") for document in batch.documents]


class Scripted:
    """A provider whose answers a test decides; it notes what it is asked."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        name: str = "scripted",
        seconds: float = 1.0,
        capacity: Capacity | None = None,
        offer: Offer | None = None,
    ) -> None:
        self.name = name
        self.capacity = capacity or Capacity()
        self.known = offer or Offer()
        self.seconds = seconds
        self.usages = Usage()
        self.batches: list[Batch] = []
        self.at: list[float] = []
        self.under_way = 0
        self.most_under_way = 0
        self.closed = False
        self._behaviour = behaviour or self.good

    async def good(self, batch: Batch) -> list[Translated | ProviderFailed]:
        await anyio.sleep(self.seconds)
        return in_capitals(batch)

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        self.batches.append(batch)
        self.at.append(anyio.current_time())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self._behaviour(batch)
        finally:
            self.under_way -= 1

    async def offer(self) -> Offer:
        return self.known

    async def usage(self) -> Usage:
        return self.usages

    def close(self) -> None:
        self.closed = True

    @property
    def texts(self) -> list[list[str]]:
        return [[rendered(document) for document in batch.documents] for batch in self.batches]


def failing(code: Any, times: int = 1_000_000, **options: Any) -> Behaviour:
    """Fail so many times, then translate at once."""
    left = times

    async def behaviour(batch: Batch) -> list[Translated | ProviderFailed]:
        nonlocal left
        if left > 0:
            left -= 1
            raise ProviderFailed(code, f"made to fail: {code}", **options)
        return in_capitals(batch)

    return behaviour


def settings(**changes: Any) -> Settings:
    return Settings(**{"translation_rate": 1_000, **changes})


@asynccontextmanager
async def translating(
    system: ActorSystem, *providers: Provider, seed: int = 0, **changes: Any
) -> AsyncIterator[Translators]:
    translators = await start_translators(
        system, settings(**changes), seed=seed, providers=tuple(providers) if providers else None, detector=Loaded()
    )
    try:
        yield translators
    finally:
        await translators.close()


def work(text: str = "good morning", target: str = "de", **options: Any) -> Work:
    return Work(**{"group": "room:1", "text": text, "source": "en", "target": target, **options})


class Answers:
    """Where the answers to requests go, each of which must come once."""

    def __init__(self) -> None:
        self.of: dict[Any, Answer[Rendering]] = {}

    def request(self, translators: Translators, wanted: Work, name: Any = None) -> None:
        name = wanted if name is None else name

        def then(answer: Answer[Rendering]) -> None:
            assert name not in self.of, f"{name} was answered twice"
            self.of[name] = answer

        translators.request(wanted, then)

    def text(self, name: Any) -> str:
        return self.of[name].result().text

    def code(self, name: Any) -> str:
        error = self.of[name].error
        assert isinstance(error, TranslationFailed)
        return error.code


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that happens in another thread, or has no event of its own."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.01)


def only(translators: Translators) -> ProviderStatus:
    """The status of the only provider."""
    (provider,) = translators.status().providers
    return provider
