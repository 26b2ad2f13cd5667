"""The kit for testing actors: probes, virtual time, victims, fault points."""

from contextlib import suppress
from typing import Any

import anyio
import pytest

from actors import Actor, ActorCrashed, Answer, AskFailed, AskTimeout, Message, handles
from actors.testing import (
    BACKENDS,
    Faults,
    InjectedFault,
    Simulation,
    TestProbe,
    assert_dead_letters,
    cancel_everywhere,
    explore,
    fail_everywhere,
    simulate,
)
from tests.support.scripted import Fetch, Hold, Say, Scripted
from tests.support.simulated import raised, simulated


class Price(Message[Any, int], frozen=True):
    of: str


class Joined(Message[Any, None], frozen=True):
    who: str


@simulated
async def test_a_probe_shows_what_it_gets_in_order(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        probe = await TestProbe.spawn(system)

        probe.ref.tell(Joined("ada"))
        probe.ref.tell(Joined("mary"))

        assert (await probe.expect(Joined)).who == "ada"
        assert (await probe.expect(Joined)).who == "mary"
        await probe.expect_none(within=60)
        assert probe.received == [Joined("ada"), Joined("mary")]
    assert_dead_letters(system)


@simulated
async def test_the_test_answers_what_a_probe_is_asked(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        probe = await TestProbe.spawn(system)
        actor = await system.spawn(Scripted, "actor")
        actor.tell(Fetch(probe.ref, Price("tea")))

        call = await probe.expect_call(Price)
        call.answer(3)
        await simulation.settle()

        assert actor.path.endswith("actor")
        assert call.settled


@simulated
async def test_a_probe_fails_for_what_does_not_come_and_for_what_should_not(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        probe = await TestProbe.spawn(system)

        before = simulation.now
        with pytest.raises(AssertionError, match=r"no Joined within 5 s"):
            await probe.expect(Joined, within=5)
        assert simulation.now == pytest.approx(before + 5)

        probe.ref.tell(Price("tea"))
        with pytest.raises(AssertionError, match=r"Price\(of='tea'\) and not the Joined"):
            await probe.expect(Joined)
        probe.ref.tell(Price("salt"))
        with pytest.raises(AssertionError, match="nothing was expected"):
            await probe.expect_none()


@simulated
async def test_an_ask_that_the_test_leaves_open_ends_at_its_deadline(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        probe = await TestProbe.spawn(system)

        with pytest.raises(AskTimeout):
            await probe.ref.ask(Price("tea"), timeout=1)

        await probe.expect(Price)


@simulated
async def test_settling_lets_everybody_act_and_no_time_pass(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        for number in range(500):
            actor.tell(Say(str(number)))
        before = simulation.now

        await simulation.settle()

        assert len(log) == 501
        assert simulation.now == before


@simulated
async def test_advancing_does_what_is_due_by_then_and_nothing_else(simulation: Simulation[None]) -> None:
    answers: list[Answer[Any]] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        actor.request(Hold(anyio.Event()), answers.append, timeout=10)
        before = simulation.now

        await simulation.advance(9)
        assert answers == []
        await simulation.advance(1.5)

        assert isinstance(answers[0].error, AskTimeout)
        assert simulation.now == before + 10.5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_victim_is_cancelled_everywhere_and_its_actor_lives_on(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            actor = await system.spawn(Scripted, "actor")
            with simulation.victim():
                for number in range(5):
                    await actor.ask(Say(str(number)))
            assert await actor.ask(Say("alive")) == "alive"

    for seed in (None, 1, 2):
        assert cancel_everywhere(scenario, backend=backend, seed=seed, victims=True) > 5


class Account(Actor):
    """Acknowledges what its ledger, which outlives it, holds."""

    def __init__(self, ledger: list[int]) -> None:
        self.ledger = ledger

    @handles(Price)
    async def price(self, message: Price) -> int:
        self.ledger.append(len(self.ledger))
        return len(self.ledger)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_fault_point_around_an_actors_code_fails_once(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        ledger: list[int] = []
        confirmed: list[int] = []
        async with simulation.system() as system:
            family = await system.virtual(simulation.faults.inside(lambda _: Account(ledger)), "accounts")
            for _ in range(2):
                with suppress(AskFailed):
                    confirmed.append(await family.ref("a").ask(Price("tea")))
        assert set(confirmed) <= set(range(1, len(ledger) + 1))

    points = fail_everywhere(scenario, backend=backend)

    assert points == [
        "Account: before started",
        "Account: after started",
        "Account: Price: before",
        "Account: Price: after",
        "Account: Price: before",
        "Account: Price: after",
        "Account: before stopping",
        "Account: after stopping",
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_chance_decides_the_same_for_the_same_seed(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        for number in range(100):
            with suppress(InjectedFault):
                await simulation.faults.point(str(number))

    first, second, other = (Faults(crash=0.1, delay=0.1, seed=seed) for seed in (1, 1, 2))
    for faults in (first, second, other):
        simulate(scenario, backend=backend, faults=faults)

    assert len(first.passed) == 100
    assert 0 < len(first.failed) < 50
    assert first.failed == second.failed != other.failed
    assert str(first) == ", faults=Faults(crash=0.1, delay=0.1, seed=1)"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failure_under_faults_says_which(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            actor = await system.spawn(simulation.faults.inside(Scripted), "actor")
            await actor.ask(Say("hello"))

    error = raised(lambda: simulate(scenario, backend=backend, seed=3, faults=Faults(at=2)))

    assert isinstance(error, ActorCrashed)
    assert error.__notes__ == [f"simulated with backend={backend!r}, seed=3, cancel_at=None, faults=Faults(at=2)"]


def test_without_a_seed_a_scenarios_own_randomness_is_the_same_every_time() -> None:
    async def scenario(simulation: Simulation[float]) -> float:
        return simulation.random.random()

    assert simulate(scenario).result == simulate(scenario).result


def test_exploring_passes_through_every_schedule() -> None:
    runs: list[tuple[str, int | None]] = []

    async def scenario(simulation: Simulation[None]) -> None:
        runs.append((simulation.backend, simulation.seed))

    explore(scenario, seeds=range(3))

    assert runs == [(backend, seed) for backend in BACKENDS for seed in (None, 0, 1, 2)]
