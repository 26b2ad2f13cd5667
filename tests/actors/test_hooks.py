"""Hooks: metrics see every message and every life, and whatever they do, no actor notices."""

from collections import Counter
from typing import Any

import anyio
import pytest

from actors import Activation, ActorCrashed, DeadLetter, Exit, Mailbox, MailboxFull, Message, NoHooks
from actors.testing import Simulation
from tests.support.scripted import Fail, Hold, Put, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


class Recorder(NoHooks):
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lives: list[str] = []
        self.waited: list[float] = []
        self.depths: list[int] = []
        self.seconds: list[float] = []

    def enqueued(self, path: str, message: Message[Any, Any], depth: int) -> None:
        self.counts["enqueued"] += 1
        self.depths.append(depth)

    def started(self, path: str, message: Message[Any, Any], waited: float) -> None:
        self.counts["started"] += 1
        self.waited.append(waited)

    def handled(self, path: str, message: Message[Any, Any], seconds: float) -> None:
        self.counts["handled"] += 1
        self.seconds.append(seconds)

    def dropped(self, letter: DeadLetter) -> None:
        self.counts[letter.reason] += 1

    def actor_started(self, path: str, generation: int) -> None:
        self.lives.append(f"started {generation}")

    def actor_stopped(self, path: str, exit_: Exit) -> None:
        self.lives.append(f"stopped {exit_.kind}")

    def actor_crashed(self, path: str, error: BaseException | None) -> None:
        self.lives.append(f"crashed {error}")

    def actor_restarted(self, path: str, restarts: int) -> None:
        self.lives.append(f"restarted {restarts}")

    def actor_passivated(self, path: str) -> None:
        self.lives.append("passivated")


@simulated
async def test_hooks_see_every_message_with_its_times(simulation: Simulation[None]) -> None:
    hooks = Recorder()

    async with simulation.system(hooks=hooks) as system:
        gate = anyio.Event()
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(3))
        actor.tell(Hold(gate))
        await turns()
        for number in range(3):
            actor.tell(Put(number))
        with pytest.raises(MailboxFull):
            actor.tell(Say("no room"))
        await anyio.sleep(4)
        gate.set()
        await turns()

    assert hooks.counts == {"enqueued": 4, "started": 4, "handled": 4, "mailbox_full": 1}
    assert hooks.depths == [1, 1, 2, 3]
    assert hooks.waited == [0.0, 4.0, 4.0, 4.0]
    assert hooks.seconds == [4.0, 0.0, 0.0, 0.0]


@simulated
async def test_what_is_enqueued_is_handled_or_dropped(simulation: Simulation[None]) -> None:
    hooks = Recorder()

    async with simulation.system(hooks=hooks) as system:
        actor = await system.spawn(Scripted, "actor")
        for message in (Say("hello"), Fail(ValueError("boom")), Say("again"), Quit(), Say("and again")):
            actor.tell(message)
        await anyio.sleep(1)

    assert hooks.counts == {"enqueued": 5, "started": 5, "handled": 4, "crashed": 1}
    assert hooks.lives == [
        "started 1",
        "crashed boom",
        "restarted 1",
        "started 2",
        "stopped normal",
        "restarted 2",
        "started 3",
        "stopped shutdown",
    ]


@simulated
async def test_hooks_see_virtual_actors_come_and_go(simulation: Simulation[None]) -> None:
    hooks = Recorder()

    async with simulation.system(hooks=hooks) as system:
        family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=10.0))
        await family.ref("a").ask(Say("hello"))
        await anyio.sleep(30)

        assert hooks.lives == ["started 1", "passivated"]


@simulated
async def test_a_hook_that_raises_is_not_noticed_by_any_actor(simulation: Simulation[None]) -> None:
    class Broken(NoHooks):
        def __getattribute__(self, name: str) -> Any:
            def hook(*_: object) -> None:
                raise ValueError(name)

            return hook

    async with simulation.system(hooks=Broken()) as system:
        actor = await system.spawn(Scripted, "actor")
        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))

        assert await actor.ask(Say("hello")) == "hello"
        assert system.tree().children[0].restarts == 1
