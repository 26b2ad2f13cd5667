"""The translators: what the rest of the engine asks for a text in another language."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import TypeAlias

import anyio
from msgspec import structs

from actors import ActorSystem, Answer, AskFailed, AskTimeout, MailboxFull, Pool, Ref, Supervisor
from engine.clock import Clock, SystemClock
from engine.settings import Settings, SettingsError, TranslationProvider
from engine.traffic import Traffic
from engine.translation.cache import Cache
from engine.translation.chat_model import ChatModelTranslator, Complete
from engine.translation.desk import Desk, Translate
from engine.translation.detection import Detector
from engine.translation.failures import (
    DeadlinePassed,
    ProvidersUnavailable,
    TranslationDisabled,
    TranslationFailed,
    WorkDropped,
)
from engine.translation.gate import Gate
from engine.translation.interpreters import Interpreter
from engine.translation.lanes import Lane, Lanes
from engine.translation.languages import same_language
from engine.translation.markdown import Document, parse
from engine.translation.provider import Provider
from engine.translation.pseudo import Pseudo
from engine.translation.status import Ledger, ProviderStatus, TranslationStatus
from engine.translation.work import UNKNOWN, UNTRANSLATED, Rendering, Work

Then: TypeAlias = Callable[[Answer[Rendering]], None]

NAME = "translators"
DESK = "desk"
FAREWELL = 0.5
"""How long what is under way may take to end when the server stops, in seconds."""


class Translators:
    """Texts in other languages; made by `start_translators`.

        rendering = await translators.translate(Work(group="room:1", text="Hallo", source="de", target="en"))

    Not `enabled`, every work fails with `TranslationDisabled`.
    """

    def __init__(
        self,
        desk: Ref[Desk] | None,
        lanes: Callable[[], Lanes],
        ledger: Ledger,
        cache: Cache,
        settings: Settings,
        *,
        detector: Detector,
        clock: Clock,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        self._desk = desk
        self._lanes = lanes
        self._ledger = ledger
        self._cache = cache
        self._deadline = settings.translation_deadline
        self._queue = settings.translation_queue
        self._detector = detector
        self._clock = clock
        self._close = close
        self._last: tuple[tuple[str, tuple[str, ...]], Document] | None = None

    @property
    def enabled(self) -> bool:
        """Whether there is a provider."""
        return self._desk is not None

    def request(self, work: Work, then: Then) -> None:
        """Have a text translated; `then` gets the rendering or a `TranslationFailed`, exactly once, soon or late, perhaps at once.

        Never blocks, and never raises. `then` must neither block nor raise.
        """
        self._ledger.requested += 1
        if self._desk is None:
            self._fail(then, TranslationDisabled("translation is switched off"))
            return
        document = self._parsed(work)
        same = work.source is not None and same_language(work.source, work.target)
        if same or not any(line.body for line in document):
            self._ledger.unneeded += 1
            then(
                Answer(
                    Rendering(text=work.text, source=work.source or UNKNOWN, target=work.target, provider=UNTRANSLATED)
                )
            )
            return
        if work.glossary is not None and work.source is None:  # glossaries are for pairs of languages
            work = structs.replace(work, source=self.detect(work.text))

        def ended(answer: Answer[Rendering]) -> None:
            error = answer.error
            if error is None or isinstance(error, TranslationFailed):
                then(answer)
            else:
                self._fail(then, _failed(error))

        try:
            self._desk.request(Translate(work, document), ended, timeout=self._deadline)
        except AskFailed as error:
            self._fail(then, _failed(error))

    def _parsed(self, work: Work) -> Document:
        """The text taken apart: once for all the languages into which it goes, which are asked for one after the other."""
        key = work.text, work.keep
        if self._last is None or self._last[0] != key:
            self._last = key, parse(*key)
        return self._last[1]

    def _fail(self, then: Then, error: TranslationFailed) -> None:
        self._ledger.failed[error.code] += 1
        then(Answer.failed(error))

    async def translate(self, work: Work) -> Rendering:
        """The same for who waits. Raises `TranslationFailed`. Cancelled, what is under way goes on: its rendering is kept."""
        came = anyio.Event()
        answers: list[Answer[Rendering]] = []

        def then(answer: Answer[Rendering]) -> None:
            answers.append(answer)
            came.set()

        self.request(work, then)
        await came.wait()
        return answers[0].result()

    def detect(self, text: str) -> str | None:
        """The language of a text, from here and at once: a BCP 47 tag, None when it is not sure.

        Nobody has to have loaded the detector: until then it is not sure of anything.
        """
        return self._detector.detect(text)

    def status(self) -> TranslationStatus:
        """How it is doing, now."""
        ledger = self._ledger
        providers = tuple(map(self._of, self._lanes()))
        return TranslationStatus(
            enabled=self.enabled,
            providers=providers,
            requested=ledger.requested,
            unneeded=ledger.unneeded,
            cached=ledger.cached,
            shared=ledger.shared,
            translated=ledger.translated,
            failed=dict(ledger.failed),
            dropped_absent=ledger.dropped_absent,
            dropped_present=ledger.dropped_present,
            waiting=sum(provider.waiting for provider in providers),
            queue_limit=self._queue,
            cache_size=len(self._cache),
        )

    def _of(self, lane: Lane) -> ProviderStatus:
        gate = lane.gate
        state = gate.state
        return ProviderStatus(
            name=lane.provider.name,
            state=state,
            breaker=gate.breaker.state,
            in_flight=lane.in_flight,
            waiting=len(lane.waiting),
            oldest_wait=lane.oldest_wait,
            requests=gate.requests,
            texts=lane.texts,
            retries=gate.retries,
            failures=dict(gate.failures),
            last_error=gate.last_error,
            retry_at=None if state == "ready" else self._clock.now() + timedelta(seconds=gate.opens_in),
            quota_used=gate.usage.used,
            quota_limit=gate.usage.limit,
        )

    async def close(self) -> None:
        """End what is under way and let go of connections: a server that stops waits for nobody's translation."""
        await self._close()


async def start_translators(
    system: ActorSystem,
    settings: Settings,
    *,
    clock: Clock | None = None,
    seed: int | None = None,
    traffic: Traffic | None = None,
    complete: Complete | None = None,
    providers: tuple[Provider, ...] | None = None,
    detector: Detector | None = None,
) -> Translators:
    """Start the translators that the settings name, as `translators` in this system.

    `traffic` is what work on the event loop gives way to. `complete` is the chat model, where there is one: see `chat_model`. `seed` makes
    jitter repeatable. `providers` stand in for those that the settings name, in the order in which they are asked. `detector` is for texts
    that a glossary needs the language of. Raises `SettingsError` when the settings name a provider that is not there.
    """
    clock, traffic = clock or SystemClock(), traffic or Traffic()
    providers = _named(settings, clock, traffic, complete) if providers is None else providers
    board: Lanes = []
    ledger, cache = Ledger(), Cache(settings.translation_cache)
    detector = detector or Detector()
    desk: Ref[Desk] | None = None
    if providers:
        supervisor = await system.supervisor(NAME)
        chance = Random(seed).random  # noqa: S311 - jitter, not secrets
        ways = [
            await _way(supervisor, provider, system.clock, chance, settings.translation_rate) for provider in providers
        ]

        def make() -> Desk:
            board[:] = [Lane(number, *way, clock=system.clock) for number, way in enumerate(ways)]
            return Desk(
                list(board),
                cache,
                ledger,
                system.clock,
                traffic=traffic,
                window=settings.translation_window,
                queue=settings.translation_queue,
                deadline=settings.translation_deadline,
            )

        desk = await supervisor.spawn(make, DESK, mailbox=Desk.mailbox)

    async def close() -> None:
        await system.stop_child(NAME, grace=FAREWELL)
        for provider in providers:
            provider.close()

    return Translators(desk, lambda: board, ledger, cache, settings, detector=detector, clock=clock, close=close)


async def _way(
    supervisor: Supervisor, provider: Provider, clock: Callable[[], float], chance: Callable[[], float], rate: float
) -> tuple[Provider, Gate, Pool[Interpreter]]:
    """What leads to a provider, and outlives the desk."""
    requests = provider.capacity.requests
    gate = Gate(clock, chance, rate=rate, burst=max(1, requests))
    pool = await supervisor.pool(
        lambda: Interpreter(provider, gate, chance), provider.name, size=requests, queue=2 * requests, per_key=requests
    )
    return provider, gate, pool


def uses_deepl(settings: Settings) -> bool:
    """Whether the settings name DeepL: it is asked first then, and a chat model, where there is one, after it."""
    wanted = settings.translation_provider in {TranslationProvider.AUTO, TranslationProvider.DEEPL}
    return wanted and settings.deepl_auth_key is not None


def _named(settings: Settings, clock: Clock, traffic: Traffic, complete: Complete | None) -> tuple[Provider, ...]:
    """The providers that the settings name, in the order in which they are asked."""
    chat_model = () if complete is None else (ChatModelTranslator(complete, requests=settings.translation_concurrency),)
    match settings.translation_provider:
        case TranslationProvider.NONE:
            return ()
        case TranslationProvider.PSEUDO:
            return (Pseudo(),)
        case TranslationProvider.CHAT_MODEL:
            if not chat_model:
                raise SettingsError("translation_provider chat_model needs chat_model")
            return chat_model
        case _ if settings.deepl_auth_key is None or not uses_deepl(settings):
            return chat_model
    from engine.translation.deepl import DeepL  # noqa: PLC0415 - a third of a second that a start without it need not spend

    deepl = DeepL(
        settings.deepl_auth_key.get_secret_value(),
        clock,
        traffic=traffic,
        server_url=settings.deepl_server_url,
        timeout=settings.translation_timeout,
        requests=settings.translation_concurrency,
        model=settings.deepl_model,
    )
    return (deepl, *chat_model)


def _failed(error: Exception) -> TranslationFailed:
    match error:
        case AskTimeout():
            return DeadlinePassed("the translation took too long", retry_after=1.0)
        case MailboxFull():
            return WorkDropped("too many texts wait to be translated", retry_after=1.0)
        case _:
            return ProvidersUnavailable("the translators are not available", retry_after=1.0)
