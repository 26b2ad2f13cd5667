"""Interpreting as an engine's settings have it: in this process, or in one of its own."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

from actors import Actor, ActorSystem, Message, Ref, handles
from engine.beside import beside
from engine.clock import Clock
from engine.interpreting.booths import Booths, LocalBooths
from engine.interpreting.interpreting import Interpreting
from engine.interpreting.process.remote import RemoteBooths
from engine.interpreting.process.serving import Serving
from engine.interpreting.process.wire import Hello
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.timelines.feed import Feed
from engine.traffic import Traffic
from engine.translation import start_translators
from engine.translation.chat_model import Complete
from engine.translation.detection import Detector
from engine.translation.provider import Provider
from engine.translation.translators import uses_deepl

TOLD: Final = ("translation_", "deepl_", "database_url", "storage_timeout")
"""How the names of the settings begin that the process is told."""
DETECTOR: Final = "detector"
DETECTOR_AFTER: Final = 1.0
"""Seconds after the start, which is over then."""


@asynccontextmanager
async def open_interpreting(
    system: ActorSystem,
    settings: Settings,
    storage: Storage,
    feed: Feed,
    traffic: Traffic,
    *,
    clock: Clock,
    timeline: Callable[[str], Ref[Any] | None],
    channels: Callable[[], Iterable[str]],
    start_limit: float,
    complete: Complete | None = None,
    providers: tuple[Provider, ...] | None = None,
    detector: Detector | None = None,
    seed: int | None = None,
) -> AsyncIterator[Interpreting]:
    """Start what the settings name, or with these `providers`, in this system; the feed is listened to where there is one.

    DeepL's work is done in a process of its own, which is told `settings`, reads the database that they name, and is answered by
    `timeline` and `channels` (those in memory); what else there is costs little, and is done here. `complete` is the chat model, where
    there is one; `seed` makes jitter repeatable. Raises `SettingsError` when the settings name a provider that is not there.
    """
    detector = detector or Detector()
    place: AbstractAsyncContextManager[Booths | None]
    if providers is None and uses_deepl(settings):
        serving = Serving(timeline, complete, traffic)
        hello = Hello(
            settings=settings_to_tell(settings),
            chat_model=complete is not None,
            log_level=settings.log_level,
            log_format=settings.log_format,
        )
        place = _over_there(system, serving, channels, hello)
    else:
        translators = await start_translators(
            system,
            settings,
            traffic=traffic,
            clock=clock,
            seed=seed,
            complete=complete,
            providers=providers,
            detector=detector,
        )
        booths = None
        if translators.enabled:
            booths = await LocalBooths.start(
                system, storage.translations, translators, traffic, timeline=timeline, start_limit=start_limit
            )
        place = nullcontext(booths)
    async with place as found:
        if found is not None and not detector.loaded:
            await system.spawn(lambda: _Loading(detector), DETECTOR)
        yield Interpreting(found, detector, feed)


@asynccontextmanager
async def _over_there(
    system: ActorSystem, serving: Serving, channels: Callable[[], Iterable[str]], hello: Hello
) -> AsyncIterator[Booths]:
    """Booths in a process of their own, which ends with the block."""
    async with beside() as tasks:
        yield await RemoteBooths.start(system, serving, channels, hello, tasks)


def settings_to_tell(settings: Settings) -> dict[str, Any]:
    """The settings that the process is told, by name, so that it makes the same of them: the key, too, and where the database is."""
    chosen = {
        name: value
        for name, value in settings.model_dump(mode="json").items()
        if name.startswith(TOLD) and value is not None
    }
    if settings.deepl_auth_key is not None:
        chosen["deepl_auth_key"] = settings.deepl_auth_key.get_secret_value()
    return chosen


class _Load(Message["_Loading", None], frozen=True):
    """It is time."""


class _Loading(Actor):
    """Loads the detector, in a thread, once there is nothing more urgent."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    async def started(self) -> None:
        """Wait a moment."""
        self.send_after(DETECTOR_AFTER, _Load())

    @handles(_Load)
    async def load(self, message: _Load) -> None:
        """Load it."""
        del message
        self.spawn(self._detector.load)
