"""The chat models of a process: which one answers, how often it is tried, and which one steps in."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from random import Random
from typing import Final

import anyio
import msgspec
import structlog

from actors import ActorSystem, Supervisor, Unavailable
from engine.agents.models.accounts import Account, Deadlines, ModelsStatus
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import ChatModel, Piece, Prompt, Text
from engine.agents.models.provider import Provider
from engine.agents.models.speaker import Speaker
from engine.breaker import CircuitBreaker

log = structlog.get_logger(__name__)

Opener = Callable[[str], Awaitable[ChatModel]]
"""Makes the model of a name, `provider:model`. Raises `ModelFailed` when there is none."""

ATTEMPTS: Final = 3
"""Of one model, while it has not said anything."""
FIRST_PAUSE: Final = 0.5
"""Seconds before the second attempt; doubled before each one after that, less a random part of at most a half."""
BREAKER_REST: Final = 10.0
"""Seconds for which a provider that fails again and again is left alone; see `CircuitBreaker`."""
LONGEST_PAUSE: Final = 5.0
"""Seconds: nobody waits longer than that in a conversation. A provider that asks for more is not tried again."""
PROVIDERS: Final = 16
"""Different ones, in one process."""
CANCEL_GRACE: Final = 1.0
"""Seconds that a worker may take to let go of a request that was cancelled; then another takes its place."""
_PASSING: Final = frozenset({FailureCode.RATE_LIMITED, FailureCode.UNAVAILABLE, FailureCode.INTERRUPTED})


class ModelsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`concurrency` answers at a time from one provider, a quarter of them for one group; `queue` more may wait `queue_wait` seconds."""

    default: str | None = None
    fallback: str | None = None
    concurrency: int = 100
    queue: int = 1_000
    queue_wait: float = 60.0
    deadlines: Deadlines = Deadlines()


class Models:
    """Every chat model, by name: `provider:model` as LangChain has it, `openai:` understood. Made by `Models.start`.

    Each provider has a pool of its own under `models` in the actor tree, made when it is first needed. Groups (timelines) take
    turns, whatever each has waiting.
    """

    def __init__(
        self, supervisor: Supervisor, settings: ModelsSettings, opener: Opener, system: ActorSystem, seed: int | None
    ) -> None:
        self._supervisor = supervisor
        self._settings = settings
        self._open_model = opener
        self._clock = system.clock
        self._random = Random(seed)  # noqa: S311 - jitter, not secrets
        self._opened: dict[str, ChatModel] = {}
        self._providers: dict[str, Provider] = {}
        self._accounts: dict[str, Account] = {}
        self._opening = anyio.Lock()

    @classmethod
    async def start(
        cls, system: ActorSystem, settings: ModelsSettings, opener: Opener, *, seed: int | None = None
    ) -> "Models":
        """Start with no provider: the first request for one makes its pool. `seed` makes the jitter repeatable."""
        return cls(await system.supervisor("models"), settings, opener, system, seed)

    @property
    def default(self) -> str | None:
        """The model of whoever names none; None: there is none either."""
        return self._settings.default

    async def stream(self, model: str | None, prompt: Prompt, *, group: str) -> AsyncGenerator[Piece, None]:
        """Have a model answer; None is the default. `Usage` is the last piece, estimated if the provider does not tell.

        `group` is whoever takes turns: a timeline's channel. Until the first piece, passing failures are tried again, and the
        fallback model steps in for one that fails. Raises `ModelFailed`, after the pieces that came before. Close it
        (`aclosing`) where the loop may be left: leaving or cancelling ends the request and closes its connection.
        """
        names = self._names(model)
        position, attempt = 0, 1
        while True:
            spoken = False
            try:
                async with aclosing(await self._request(names[position], prompt, group)) as pieces:
                    async for piece in pieces:
                        spoken = True
                        yield piece
            except ModelFailed as failure:
                pause = None if spoken else self._pause(failure, attempt)
                if spoken or (pause is None and position + 1 == len(names)):
                    raise
                log.info("model.tried_again", model=names[position], code=failure.code, pause=pause)
            else:
                return
            if pause is not None:
                attempt += 1
                self._account(names[position]).retries += 1
                await anyio.sleep(pause)
            else:
                position, attempt = position + 1, 1
                self._account(names[position]).stepped_in += 1

    async def complete(self, model: str | None, prompt: Prompt, *, group: str) -> str:
        """The whole text of an answer. Raises `ModelFailed`."""
        async with aclosing(self.stream(model, prompt, group=group)) as pieces:
            return "".join([piece.text async for piece in pieces if isinstance(piece, Text)])

    async def prepare(self) -> None:
        """Open the default and the fallback model, so that nobody has to wait for that; what is wrong with them is logged."""
        for name in filter(None, (self._settings.default, self._settings.fallback)):
            try:
                await self._open(full_name(name))
            except ModelFailed as failure:
                log.warning("model.not_ready", model=name, code=failure.code, detail=failure.detail)

    def status(self) -> ModelsStatus:
        """How they are doing, now."""
        return ModelsStatus(
            default=self._settings.default,
            fallback=self._settings.fallback,
            deadlines=self._settings.deadlines,
            providers=[provider.status() for provider in self._providers.values()],
            models=[account.shown() for account in self._accounts.values()],
        )

    def _names(self, model: str | None) -> list[str]:
        """The model that is asked, and the one that steps in."""
        first = model or self._settings.default
        if first is None:
            raise ModelFailed(FailureCode.NOT_CONFIGURED, "no chat model is set")
        wanted = [first, *([self._settings.fallback] if self._settings.fallback else [])]
        return list(dict.fromkeys(map(full_name, wanted)))

    def _pause(self, failure: ModelFailed, attempt: int) -> float | None:
        """Seconds until the same model is tried again; None: it is not."""
        if failure.code not in _PASSING or attempt == ATTEMPTS:
            return None
        asked = failure.retry_after or 0.0
        pause = FIRST_PAUSE * 2 ** (attempt - 1) * (1.0 - self._random.random() / 2.0)
        return None if asked > LONGEST_PAUSE else max(pause, asked)

    async def _request(self, name: str, prompt: Prompt, group: str) -> AsyncGenerator[Piece, None]:
        if name not in self._opened:
            await self._open(name)
        provider = self._providers[provider_of(name)]
        return provider.ask(self._opened[name], prompt, group=group, account=self._account(name))

    async def _open(self, name: str) -> None:
        """Make a model, and the pool of its provider if this is the first one."""
        provider = provider_of(name)
        async with self._opening:
            if name in self._opened:
                return
            if provider not in self._providers and len(self._providers) == PROVIDERS:
                raise ModelFailed(FailureCode.NOT_CONFIGURED, f"{PROVIDERS} providers are in use, no more are possible")
            model = await self._open_model(name)
            if provider not in self._providers:
                self._providers[provider] = await self._start(provider)
            self._opened[name] = model

    async def _start(self, provider: str) -> Provider:
        settings = self._settings
        try:
            pool = await self._supervisor.pool(
                Speaker,
                provider,
                size=settings.concurrency,
                queue=settings.queue,
                per_key=-(-settings.concurrency // 4),
                cancel_grace=CANCEL_GRACE,
            )
        except Unavailable as error:
            raise ModelFailed(FailureCode.OVERLOADED, str(error), error.retry_after) from None
        breaker = CircuitBreaker(self._clock, self._random.random, rest=BREAKER_REST)
        return Provider(provider, pool, settings.deadlines, self._clock, breaker, queue_wait=settings.queue_wait)

    def _account(self, name: str) -> Account:
        return self._accounts.setdefault(name, Account(name))


def full_name(model: str) -> str:
    """`provider:model`; a name without a provider is one of openai's, or of a service that speaks its protocol."""
    return model if ":" in model else f"openai:{model}"


def provider_of(model: str) -> str:
    """The provider's part of a full name."""
    return model.partition(":")[0]
