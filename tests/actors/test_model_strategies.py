"""Restart strategies and intensity against a small reference model: any program of messages and crashes, step by step.

After each step the group must have done exactly what the model says: who was stopped and started and in which order, what was
handled, and how often the group itself was restarted by the supervisor above.
"""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from actors import Backoff, Intensity, Message, Ref, Strategy, handles
from actors.actor import Actor
from actors.testing import BACKENDS, Simulation, simulate

NAMES = ("a", "b", "c")
ALLOWED = Intensity(restarts=3, period=10.0)

bursts = st.tuples(
    st.sampled_from(NAMES),
    st.builds(
        lambda before, crashes, after: ["say"] * before + ["crash"] * crashes + ["say"] * after,
        st.integers(0, 3),
        st.integers(0, 1),  # what more crashes do while a group is on its way back is the matter of test_strategies
        st.integers(0, 3),
    ),
)
steps = st.lists(bursts | st.sampled_from([0.5, 4.0, 11.0]), max_size=12)


class Say(Message["Member", None], frozen=True):
    number: int


class Crash(Message["Member", None], frozen=True):
    pass


class Member(Actor):
    poison = None

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log

    async def started(self) -> None:
        self.log.append(f"+{self.name}")

    async def stopping(self, why: object) -> None:
        self.log.append(f"-{self.name}")

    @handles(Say)
    async def say(self, message: Say) -> None:
        self.log.append(f"{self.name}{message.number}")

    @handles(Crash)
    async def crash(self, message: Crash) -> None:
        raise ValueError


class Model:
    """What a group of three promises."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.log: list[str] = []
        self.crashes: list[float] = []
        self.failures = 0

    def crash(self, name: str, now: float) -> None:
        self.crashes = [*(at for at in self.crashes if now - at < ALLOWED.period), now]
        failed = len(self.crashes) > ALLOWED.restarts
        place = NAMES.index(name)
        again: tuple[str, ...]
        match self.strategy:
            case _ if failed:
                again = NAMES
                self.crashes = []
                self.failures += 1
            case Strategy.ONE_FOR_ALL:
                again = NAMES
            case Strategy.REST_FOR_ONE:
                again = NAMES[place:]
            case _:
                again = (name,)
        self.log.append(f"-{name}")
        self.log += [f"-{each}" for each in reversed(again) if each != name]
        self.log += [f"+{each}" for each in again]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("strategy", Strategy)
def test_a_group_does_what_its_model_says(backend: str, strategy: Strategy) -> None:
    @settings(max_examples=60, print_blob=True)
    @given(program=steps, seed=st.none() | st.integers(0, 999))
    def check(program: list[tuple[str, list[str]] | float], seed: int | None) -> None:
        async def scenario(simulation: Simulation[None]) -> None:
            await _follow(simulation, strategy, program)

        simulate(scenario, backend=backend, seed=seed)

    check()


async def _follow(
    simulation: Simulation[None], strategy: Strategy, program: list[tuple[str, list[str]] | float]
) -> None:
    log: list[str] = []
    model = Model(strategy)
    numbers = iter(range(1000))
    at_once = Backoff(initial=0.0)
    crashed = 0
    async with simulation.system(intensity=Intensity(10_000, 1.0), backoff=at_once) as system:
        group = await system.supervisor("group", strategy=strategy, intensity=ALLOWED, backoff=at_once)
        refs: dict[str, Ref[Member]] = {}
        for name in NAMES:
            refs[name] = await group.spawn(lambda name=name: Member(name, log), name)  # type: ignore[misc]
        del log[:]
        for step in program:
            if isinstance(step, float):
                await simulation.advance(step)
                continue
            name, burst = step
            for what in burst:
                number = next(numbers)
                if what == "crash":
                    refs[name].tell(Crash())
                    model.crash(name, simulation.now)
                    crashed += 1
                else:
                    refs[name].tell(Say(number))
                    model.log.append(f"{name}{number}")
            await simulation.settle()

            [node] = system.tree().children
            # One that is back handles what waits for it before the next one is back.
            for signs in ("+-", *NAMES):
                assert [line for line in log if line[0] in signs] == [line for line in model.log if line[0] in signs]
            assert (node.state, node.restarts) == ("running", model.failures)
            assert [(child.state, child.depth) for child in node.children] == [("running", 0)] * 3
        assert system.dead_letters.counts == ({"crashed": crashed} if crashed else {})
        del log[:]
    assert log == ["-c", "-b", "-a"]
