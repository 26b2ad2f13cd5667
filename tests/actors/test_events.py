"""What the runtime writes into the log: every start, stop, crash, restart and passivation, by name."""

import logging

import anyio
import structlog
from structlog.testing import capture_logs

from actors import Activation, Intensity, Strategy
from actors.testing import Simulation
from tests.support.scripted import Fail, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_the_life_of_an_actor_is_in_the_log(simulation: Simulation[None]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as events:
        async with simulation.system() as system:
            family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=10))
            await family.ref("1").ask(Say("hello"))
            await anyio.sleep(20)
            actor = await system.spawn(Scripted, "actor")
            actor.tell(Fail(ValueError("boom")))
            await actor.ask(Say("again"))

    lives = [(event["event"], event["log_level"], event["path"]) for event in events if "generation" in event]
    assert lives == [
        ("actor.started", "debug", "simulated/family/1"),
        ("actor.passivated", "debug", "simulated/family/1"),
        ("actor.started", "debug", "simulated/actor"),
        ("actor.crashed", "error", "simulated/actor"),
        ("actor.started", "debug", "simulated/actor"),
        ("actor.stopped", "debug", "simulated/actor"),
    ]
    (restarted,) = [event for event in events if event["event"] == "actor.restarted"]
    assert (restarted["path"], restarted["restarts"], restarted["log_level"]) == ("simulated/actor", 1, "info")


@simulated
async def test_what_supervisors_do_is_in_the_log(simulation: Simulation[None]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    with capture_logs() as events:
        async with simulation.system() as system:
            group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL, intensity=Intensity(1, 60.0))
            actor = await group.spawn(Scripted, "actor")
            for _ in range(2):
                actor.tell(Fail(ValueError("boom")))
                await turns()
            await actor.ask(Say("again"))

    assert [event["event"] for event in events if event["event"].startswith("supervisor.")] == [
        "supervisor.restarting",
        "supervisor.failed",
        "supervisor.restarted",
    ]
