"""A system against a small reference model of it, step by step, in virtual time on both event loops.

Hypothesis makes up the steps. After each of them everybody has done what can be done, and the system must look exactly like
the model: what was handled and in which order, what waits, the dead letters by reason, how every ask ended, the restarts.
What happens within a step under every interleaving is the matter of `test_conservation.py`.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actors import ActorStopped, ActorSystem
from actors.testing import BACKENDS
from tests.support.actor_model import KEYS, NAMES, Model, Sent
from tests.support.driven_system import IDLE, POLICIES, RESTARTS, Driver, Work, World

WHATS = ("note", "note", "note", "refuse", "crash", "hold", "quit")

names = st.sampled_from((*KEYS, *NAMES))
whats = st.sampled_from(WHATS)


class Conversation(RuleBasedStateMachine):
    """The rules by which the two are put through the same."""

    backends: tuple[str, ...] = BACKENDS
    driver: Driver | None = None

    @initialize(data=st.data(), seed=st.none() | st.integers(0, 999), overflow=st.sampled_from(sorted(POLICIES)))
    def begin(self, data: st.DataObject, seed: int | None, overflow: str) -> None:
        self.model = Model(overflow)
        self.driver = Driver(data.draw(st.sampled_from(self.backends)), seed, overflow)
        self.over = False
        self.cancelled: set[int] = set()
        for name in NAMES:
            self.spawn_one(name, "permanent")

    def spawn_one(self, name: str, restart: str) -> None:
        assert self.driver is not None
        mailbox = self.driver.mailbox
        self.model.spawn(name, restart)
        self.driver.do(lambda world: world.spawn(name, restart, mailbox))

    @property
    def running(self) -> bool:
        return not self.over and not self.model.failed

    @precondition(lambda self: self.running and any(self.model.actors[name].state == "absent" for name in NAMES))
    @rule(data=st.data(), restart=st.sampled_from(sorted(RESTARTS)))
    def spawn(self, data: st.DataObject, restart: str) -> None:
        absent = [name for name in NAMES if self.model.actors[name].state == "absent"]
        self.spawn_one(data.draw(st.sampled_from(absent)), restart)

    @precondition(lambda self: self.running)
    @rule(name=names, burst=st.lists(whats, min_size=1, max_size=6))
    def tell(self, name: str, burst: list[str]) -> None:
        sent = [self.number(what) for what in burst]
        for each in sent:
            self.model.put(name, each)
        self.model.settle(name)

        async def step(world: World) -> None:
            for each in sent:
                world.tell(name, Work(each.number, each.what))

        self.do(step)

    @precondition(lambda self: self.running)
    @rule(name=names, what=whats, timeout=st.sampled_from([0.25, 2.25, 30.25]))
    def ask(self, name: str, what: str, timeout: float) -> None:
        sent = self.number(what, timeout)
        self.model.put(name, sent)
        self.model.settle(name)

        async def step(world: World) -> None:
            world.ask(name, Work(sent.number, what), timeout)

        self.do(step)

    @precondition(lambda self: self.running and self.open_asks())
    @rule(data=st.data())
    def cancel_a_caller(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.open_asks()), label="whose")
        sent.end(BaseException)
        self.cancelled.add(sent.number)

        async def step(world: World) -> None:
            world.scopes[sent.number].cancel()

        self.do(step)

    @precondition(lambda self: self.running and self.holding())
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.release_one(data.draw(st.sampled_from(self.holding()), label="who"))

    def release_one(self, name: str) -> None:
        self.model.release(name)

        async def step(world: World) -> None:
            world.book.gates[name].set()

        self.do(step)

    @precondition(lambda self: self.running)
    @rule(seconds=st.sampled_from([0.5, 5.0, 15.0, 60.0]))
    def advance(self, seconds: float) -> None:
        self.model.advance(seconds)
        for actor in self.model.actors.values():
            asleep = actor.restart is None and actor.state == "running" and actor.held is None
            if asleep and seconds > 1.25 * IDLE:
                actor.state = "absent"

        async def step(world: World) -> None:
            await world.simulation.advance(seconds)

        self.do(step)
        self.passivated()

    @precondition(lambda self: self.running)
    @rule()
    def drain(self) -> None:
        """Everything accepted is handled, once the gates are open, and nothing new is taken."""
        self.over = True
        before = self.model.dead.copy()
        while holding := self.holding():
            self.model.release(holding[0])
        self.model.end()

        async def step(world: World) -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: world.system.stop(drain=True, grace=5.0))
                await world.simulation.settle()
                while any(node.depth or node.current for node in leaves(world.system)):
                    for gate in world.book.gates.values():
                        gate.set()
                    await world.simulation.settle()

        self.do(step)
        assert self.model.failed or not (self.model.dead - before)["stopped"]

    @precondition(lambda self: self.over)
    @rule(name=names)
    def tell_after_the_drain(self, name: str) -> None:
        sent = self.number("note")
        self.model.sent.append(sent)
        self.model.bury(sent, "stopped" if name in NAMES else "unavailable", ActorStopped)

        async def step(world: World) -> None:
            world.tell(name, Work(sent.number, "note"))

        self.do(step)

    @precondition(lambda self: self.model.failed)
    @rule()
    def nothing_after_a_failure(self) -> None:
        pass

    # -- what must hold ----------------------------------------------------------------------------------------------------

    @invariant()
    def the_system_looks_like_the_model(self) -> None:
        if self.driver is None:
            return
        world, model = self.driver.world, self.model
        for name, actor in model.actors.items():
            assert world.book.handled[name] == actor.handled, name
        assert +world.system.dead_letters.counts == +model.dead
        expected = {
            sent.number: sent.outcome if isinstance(sent.outcome, tuple) else (sent.outcome,)
            for sent in model.sent
            if sent.outcome is not None and sent.number not in self.cancelled
        }
        assert set(world.outcomes) == set(expected)
        assert all(outcome in expected[number] for number, outcome in world.outcomes.items())
        assert world.book.most_alive <= 1
        assert (self.driver.error is not None) == model.failed
        if self.running:
            nodes = {node.path.rpartition("/")[2]: node for node in leaves(world.system)}
            present = {name: actor for name, actor in model.actors.items() if actor.state != "absent"}
            assert set(nodes) == set(present)
            assert {name: node.depth for name, node in nodes.items()} == {
                name: len(actor.waiting) for name, actor in present.items()
            }
            assert {name: node.restarts for name, node in nodes.items()} == {
                name: actor.restarts for name, actor in present.items()
            }

    @invariant()
    def no_message_vanishes_and_none_is_handled_twice(self) -> None:
        if self.driver is None:
            return
        world = self.driver.world
        handled = [number for numbers in world.book.handled.values() for number in numbers]
        queued = sum(node.depth + (node.current is not None) for node in leaves(world.system))
        assert len(handled) == len(set(handled))
        assert len(self.model.sent) == len(handled) + world.system.dead_letters.total + queued

    def teardown(self) -> None:
        """The end of everything: nobody is left, and no caller without an answer."""
        if self.driver is None:
            return
        while self.running and self.holding():
            self.release_one(self.holding()[0])
        self.driver.end()
        if self.running:
            self.model.end()
        self.over = True
        self.the_system_looks_like_the_model()
        self.no_message_vanishes_and_none_is_handled_twice()
        world = self.driver.world
        assert all(sent.outcome is not None for sent in self.model.sent if sent.asked)
        assert not world.scopes
        assert world.book.alive.total() == 0
        assert len(world.system._runtime.deadlines) == 0

    # -- words -------------------------------------------------------------------------------------------------------------

    def do(self, step: Callable[[World], Awaitable[None]]) -> None:
        assert self.driver is not None
        self.driver.do(step)

    def number(self, what: str, timeout: float | None = None) -> Sent:
        self.numbers = getattr(self, "numbers", 0) + 1
        return Sent(self.numbers, what, None if timeout is None else self.model.now + timeout)

    def open_asks(self) -> list[Sent]:
        return [sent for sent in self.model.sent if sent.asked and sent.outcome is None]

    def holding(self) -> list[str]:
        return [name for name, actor in self.model.actors.items() if actor.held is not None]

    def passivated(self) -> None:
        """When exactly an idle actor falls asleep is the sweep's business: the model follows within its bounds."""
        assert self.driver is not None
        nodes = {node.path.rpartition("/")[2] for node in leaves(self.driver.world.system)}
        for name in KEYS:
            actor = self.model.actors[name]
            if actor.state == "running" and actor.held is None and name not in nodes:
                actor.state = "absent"


def leaves(system: ActorSystem) -> Iterator[Any]:
    """The actors, without their supervisors."""
    for node in system.tree().children:
        if node.path.endswith("/family"):
            yield from node.children
        else:
            yield node


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_system_does_what_its_model_says(backend: str) -> None:
    machine = type("Conversation", (Conversation,), {"backends": (backend,)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
