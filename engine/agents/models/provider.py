"""One provider: the pool of workers that its answers stream through, and one request made of it."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from actors import ActorCrashed, ActorStopped, AskTimeout, CallerTimedOut, MailboxFull, Pool, Stream, Unavailable
from engine.agents.models.accounts import Account, Deadlines, ProviderStatus
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import SIGN_OF_LIFE, ChatModel, Piece, Prompt, Text, Usage, estimate
from engine.agents.models.speaker import Begun, Speak, Speaker
from engine.breaker import CircuitBreaker

CREDIT: Final = 64
"""Pieces that may wait for whoever reads them; then the provider is not read any further."""
LARGEST: Final = 4_000_000
"""Bytes of one answer."""


@dataclass(slots=True)
class _Request:
    """How far one request has come; times on the system's clock."""

    prompt: Prompt
    begun_at: float | None = None
    ends_at: float = 0.0
    spoken: bool = False
    """Whether a first token has come."""
    written: int = 0
    used: Usage | None = None
    complete: bool = False

    @property
    def usage(self) -> Usage:
        return self.used or estimate(self.prompt, self.written)


class Provider:
    """What is behind one name such as `openai`. Its queue, its workers and its failures are nobody else's."""

    def __init__(
        self,
        name: str,
        pool: Pool[Speaker],
        deadlines: Deadlines,
        clock: Callable[[], float],
        breaker: CircuitBreaker,
        *,
        queue_wait: float,
    ) -> None:
        self.name = name
        self._pool = pool
        self._deadlines = deadlines
        self._clock = clock
        self._queue_wait = queue_wait
        self._breaker = breaker

    async def ask(
        self, model: ChatModel, prompt: Prompt, *, group: str, account: Account
    ) -> AsyncGenerator[Piece, None]:
        """Make one request. `Usage` is the last piece, estimated if need be.

        Raises `ModelFailed`, before the first piece or later. Leaving it ends the request, and frees the worker when that has ended.
        """
        if not self._breaker.passes:
            rest = max(self._breaker.until - self._clock(), 1.0)
            raise ModelFailed(FailureCode.UNAVAILABLE, f"{self.name} has failed repeatedly and is left alone", rest)
        self._breaker.begin()
        request = _Request(prompt)
        with self._booked(account, request), self._explained(request):
            async with self._stream(model, prompt, group) as stream:
                async for piece in stream:
                    now = self._clock()
                    if isinstance(piece, Begun):
                        request.begun_at, request.ends_at = now, now + self._deadlines.total
                    elif isinstance(piece, Usage):
                        request.used = piece
                    elif piece != SIGN_OF_LIFE:
                        self._note(request, piece, account, now)
                        yield piece
                    patience = self._deadlines.between_tokens if request.spoken else self._deadlines.first_token
                    stream.wait_at_most(min(patience, request.ends_at - now))
            request.complete = True
            account.answered += 1
            yield request.usage

    def _stream(self, model: ChatModel, prompt: Prompt, group: str) -> Stream[Begun | Piece]:
        total = self._deadlines.total
        limit = self._queue_wait + total + 1.0  # for those who do not take the pieces: the others notice before
        return self._pool.stream(
            Speak(model, prompt), key=group, credit=CREDIT, first=self._queue_wait, idle=total, timeout=limit
        )

    def _note(self, request: _Request, piece: Piece, account: Account, now: float) -> None:
        if not request.spoken:
            request.spoken = True
            account.first_token.add(now - (request.begun_at or now))
            self._breaker.succeeded()
        request.written += len(piece.text.encode()) if isinstance(piece, Text) else 0
        if request.written > LARGEST:
            raise ModelFailed(FailureCode.TOO_LONG, f"the answer is larger than {LARGEST} bytes")
        if now >= request.ends_at:
            raise self._late(request)

    @contextmanager
    def _explained(self, request: _Request) -> Iterator[None]:
        """Say what the pool's errors mean."""
        try:
            yield
        except CallerTimedOut:
            raise  # whoever asked has no more time: it is not the model's
        except AskTimeout:
            raise self._late(request) from None
        except (MailboxFull, Unavailable, ActorStopped) as error:
            raise ModelFailed(FailureCode.OVERLOADED, f"no worker for {self.name}: {error}", 1.0) from None
        except ActorCrashed as error:
            raise ModelFailed(FailureCode.FAILED, f"{self.name} failed: {type(error.__cause__).__name__}") from error

    def _late(self, request: _Request) -> ModelFailed:
        limits = self._deadlines
        if request.begun_at is None:
            return ModelFailed(FailureCode.OVERLOADED, f"no turn within {self._queue_wait:g} s at {self.name}", 1.0)
        if self._clock() >= request.ends_at:
            return ModelFailed(FailureCode.TOO_LONG, f"the answer was not complete after {limits.total:g} s")
        if not request.spoken:
            return ModelFailed(FailureCode.FIRST_TOKEN, f"no token within {limits.first_token:g} s")
        return ModelFailed(FailureCode.STALLED, f"no further token within {limits.between_tokens:g} s")

    @contextmanager
    def _booked(self, account: Account, request: _Request) -> Iterator[None]:
        """Count a request, and how it ended: once."""
        account.requests += 1
        try:
            yield
        except ModelFailed as failure:
            account.failed[failure.code] += 1
            if failure.code is FailureCode.UNAVAILABLE:
                self._breaker.failed()
            raise
        except BaseException:
            if not request.complete:
                account.cancelled += 1
            raise
        finally:
            self._breaker.interrupted()
            if request.spoken or request.used is not None:  # one that has said nothing has, as a rule, cost nothing
                account.use(request.usage)

    def status(self) -> ProviderStatus:
        """How it is doing, now."""
        pool = self._pool.statistics()
        return ProviderStatus(
            provider=self.name,
            concurrency=pool.size,
            speaking=pool.in_flight,
            ending=pool.cancelling,
            waiting=pool.queued,
            queue=pool.capacity,
            wait=pool.wait,
            stuck=pool.stuck,
            breaker=self._breaker.state,
        )
