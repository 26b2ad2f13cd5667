"""Providers that fail in every way, readers who leave, desks and workers that crash: every work ends once, with its own text or none.

What is promised: each request is answered exactly once, within its deadline; a rendering is that of the text that was asked for; when the
faults are over, everything that is asked for is translated; no text waits that nobody waits for; and nothing stays behind.
"""

from contextlib import suppress
from random import Random

import anyio
from structlog.testing import capture_logs

from actors.testing import Simulation, explore
from engine.translation import TranslationFailed, Translators, Work
from engine.translation.provider import Batch, Capacity, ProviderFailed, Translated
from tests.engine.translation.interpreting import Answers, Scripted, in_capitals, translating, work

REQUESTS = 60
DEADLINE = 20.0
PERIOD = 30.0
"""Seconds in which the requests are made."""
CALM = 700.0
"""Seconds after which every pause that a provider may have asked for is over."""
FAILINGS = ("unavailable", "timeout", "rate_limited", "malformed", "refused", "unsupported", "damaged", "quota")


class Moody:
    """A provider that does mostly not what it should, until it is calm."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.calm = False

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        random = self._random
        mood = (
            "good" if self.calm else random.choice(["good", "good", "slow", "fails", "breaks", "partly", "miscounts"])
        )
        await anyio.sleep(random.random() * (40 if mood == "slow" else 2))
        match mood:
            case "fails":
                code = random.choice(FAILINGS)
                retry_after = random.choice([None, None, 1.0, 30.0, 500.0])
                raise ProviderFailed(code, "made to fail", retry_after=retry_after)  # type: ignore[arg-type]
            case "breaks":
                raise ZeroDivisionError
            case "partly":
                return [random.choice([ProviderFailed("damaged", "made to fail"), good]) for good in in_capitals(batch)]
            case "miscounts":
                return in_capitals(batch)[1:]
            case _:
                return in_capitals(batch)


async def ask(
    translators: Translators, wanted: Work, number: int, answers: Answers, latest: dict[tuple[str, str], int]
) -> None:
    """`latest` has who was the last to ask for each text in each language."""
    began = anyio.current_time()
    latest[wanted.text, wanted.target] = number
    answers.request(translators, wanted, number)
    await anyio.sleep(DEADLINE + 0.1)
    assert number in answers.of, f"{wanted} was not answered within {anyio.current_time() - began} s"
    waited_for = sum(each not in answers.of for each in latest.values())
    assert translators.status().waiting <= waited_for, "a text waits that nobody waits for"


async def scenario(simulation: Simulation[None]) -> None:
    random, answers = simulation.random, Answers()
    latest: dict[tuple[str, str], int] = {}
    moods = [Moody(random), Moody(random)]
    capacity = Capacity(texts=random.choice([1, 3, 50]), requests=random.choice([1, 2, 4]))
    providers = [
        Scripted(mood.translate, name=f"provider {number}", capacity=capacity) for number, mood in enumerate(moods)
    ][: random.choice([1, 2])]
    options = {
        "translation_deadline": DEADLINE,
        "translation_queue": random.choice([5, 1_000]),
        "translation_cache": random.choice([0, 100]),
        "translation_window": random.choice([0, 0.01, 0.5]),
        "translation_rate": random.choice([2, 1_000]),
    }
    wanted = [
        work(
            f"text {random.randrange(20)}",
            random.choice(["de", "fr", "ja"]),
            group=f"room:{random.randrange(4)}",
            context=random.choice([(), ("before",)]),
            present=random.random() < 0.5,
        )
        for _ in range(REQUESTS)
    ]
    async with (
        simulation.system() as system,
        translating(system, *providers, seed=simulation.seed or 0, **options) as translators,
    ):
        async with anyio.create_task_group() as readers:
            for number, each in enumerate(wanted):
                readers.start_soon(ask, translators, each, number, answers, latest)
                if random.random() < 0.2:
                    with anyio.move_on_after(random.random() * 3), suppress(TranslationFailed):
                        await translators.translate(each)
                await anyio.sleep(PERIOD / REQUESTS * random.random())
        moods[0].calm = moods[1].calm = True
        await anyio.sleep(4_000 if any(_spent(translators)) else CALM)
        for language in ("de", "fr", "ja"):
            assert (await translators.translate(work("calm again", language))).text == "CALM AGAIN"
        status = translators.status()
        assert [provider.in_flight for provider in status.providers] == [0] * len(providers)
        assert status.waiting == 0
    for number, each in enumerate(wanted):
        answer = answers.of[number]
        if answer.error is None:
            rendering = answer.value
            assert (rendering.text, rendering.target) == (each.text.upper(), each.target)
        else:
            assert answers.code(number) in {
                "unavailable",
                "timeout",
                "quota",
                "dropped",
                "refused",
                "unsupported",
                "damaged",
            }
    assert all(provider.under_way == 0 for provider in providers)


def _spent(translators: Translators) -> list[bool]:
    return [provider.state == "quota_exceeded" for provider in translators.status().providers]


def test_every_work_ends_once_whatever_the_providers_do():
    with capture_logs() as logs:
        explore(scenario, seeds=range(30))

    assert {line["event"] for line in logs} >= {"stamina.retry_scheduled"}
