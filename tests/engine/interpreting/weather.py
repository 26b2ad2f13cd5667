"""A database and a provider of translations that do what they should not, until they are calm."""

from collections import Counter
from random import Random
from typing import Any

import anyio

from engine.errors import StorageUnavailable
from engine.translation.markdown import rendered
from engine.translation.provider import Batch, ProviderFailed, Translated
from tests.engine.interpreting.translating import Scripted
from tests.engine.timelines.acting import Perform


class Weather:
    """What happens to the database and the provider; calm in the end.

    `sends_away`: what is committed may be lost on the way back, whereupon a room sends its readers away.
    """

    def __init__(self, random: Random, *, sends_away: bool = True) -> None:
        self._random = random
        self._sends_away = sends_away
        self._fails = random.choice([1, 10])
        """How often the database refuses something."""
        self._crashes = random.choice([1, 3, 100])
        """How often booths crash over what they look up: so often, at the most, that they are left alone for a while."""
        self.calm = False

    def pick(self, kinds: dict[str, int]) -> str:
        """One kind, by their weights."""
        return "fine" if self.calm else self._random.choices(list(kinds), weights=list(kinds.values()))[0]

    async def of_storage(self, name: str, perform: Perform) -> Any:
        lost, crashes = self._sends_away, self._crashes * (name in {"known", "languages"})
        match self.pick({"fine": 30, "slow": 3, "fails before": self._fails, "fails after": lost, "crashes": crashes}):
            case "slow":
                await anyio.sleep(self._random.random())
            case "fails before":
                raise StorageUnavailable("the connection broke")
            case "fails after":
                await perform()
                raise StorageUnavailable("the connection broke, after the commit")
            case "crashes":
                raise RuntimeError("a fault in a booth")
        return await perform()

    async def of_provider(self, _batch: Batch) -> None:
        match self.pick({"fine": 8, "slow": 6, "unavailable": 2, "rate limited": 1, "hangs": 1, "breaks": 1}):
            case "slow":
                await anyio.sleep(3 * self._random.random())
            case "unavailable":
                raise ProviderFailed("unavailable", "no connection")
            case "rate limited":
                raise ProviderFailed("rate_limited", "too fast", retry_after=2)
            case "hangs":
                await anyio.sleep_forever()
            case "breaks":
                raise ZeroDivisionError


class Counting(Scripted):
    """Counts the texts that it gives away, of which there must be one of a kind; may give one too few."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self.meddle = weather.of_provider
        self.given: Counter[tuple[str, str, str]] = Counter()
        self._weather = weather

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        made = await super().translate(batch)
        if self._weather.pick({"fine": 15, "miscounts": 1}) == "miscounts":
            return made[1:]
        self.given.update((batch.source or "", batch.target, rendered(document)) for document in batch.documents)
        return made
