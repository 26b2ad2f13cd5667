"""Monitors and links: how one actor learns of another's end, or shares its crash."""

from itertools import pairwise
from typing import Any

import anyio
import pytest

from actors import (
    Activation,
    ActorCrashed,
    ActorStopped,
    Backoff,
    Intensity,
    LinkBroken,
    Mailbox,
    Ref,
    Restart,
    Strategy,
)
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fail, Hold, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


def watching(ref: Ref[Any], text: str = "gone") -> Do:
    async def watch(actor: Scripted) -> None:
        actor.watch(ref, as_=Say(text))

    return Do(watch)


def linking(ref: Ref[Any]) -> Do:
    async def link(actor: Scripted) -> None:
        actor.link(ref)

    return Do(link)


@simulated
async def test_a_watcher_is_told_when_the_watched_has_ended_for_good(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        watched = await system.spawn(Scripted, "watched", restart=Restart.TRANSIENT)
        watcher = await system.spawn(lambda: Scripted(log), "watcher")
        await watcher.ask(watching(watched))

        with pytest.raises(ActorCrashed):
            await watched.ask(Fail(ValueError("boom")))
        await watched.ask(Say("restarted"))
        assert log == ["started"]
        await watched.ask(Quit())
        await turns()

        assert log == ["started", "gone"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_watcher_of_one_who_is_gone_is_told_at_once(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        watched = await system.spawn(Scripted, "watched")
        watcher = await system.spawn(lambda: Scripted(log), "watcher")
        family = await system.virtual(lambda _: Scripted(), "family")
        await system.stop_child("watched")

        await watcher.ask(watching(watched))
        await watcher.ask(watching(family.ref("1"), "never there"))
        await turns()

        assert log == ["started", "gone", "never there"]
        assert family.cells == []


@simulated
async def test_a_virtual_actor_is_gone_when_it_sleeps_or_is_quarantined(simulation: Simulation[None]) -> None:
    log: list[str] = []
    options = Activation(idle_after=10, intensity=Intensity(0, 60.0))
    async with simulation.system() as system:
        watcher = await system.spawn(lambda: Scripted(log), "watcher")
        family = await system.virtual(lambda _: Scripted(), "family", activation=options)
        for key in ("sleeps", "crashes"):
            await family.ref(key).ask(Say("hello"))
            await watcher.ask(watching(family.ref(key), key))

        family.ref("crashes").tell(Fail(ValueError("boom")))
        await turns()
        assert log == ["started", "crashes"]
        await anyio.sleep(20)
        assert log == ["started", "crashes", "sleeps"]


@simulated
async def test_watching_again_replaces_the_message_and_unwatching_takes_it_back(simulation: Simulation[None]) -> None:
    log: list[str] = []
    unwatched: list[bool] = []
    async with simulation.system() as system:
        one = await system.spawn(Scripted, "one")
        two = await system.spawn(Scripted, "two")
        watcher = await system.spawn(lambda: Scripted(log), "watcher")

        async def unwatch(actor: Scripted) -> None:
            unwatched.extend([actor.unwatch(two), actor.unwatch(two)])

        for message in (watching(one, "first"), watching(one, "second"), watching(two), Do(unwatch)):
            await watcher.ask(message)
        await system.stop_child("one")
        await system.stop_child("two")
        await turns()

        assert log == ["started", "second"]
        assert unwatched == [True, False]


@simulated
async def test_a_monitor_ends_with_the_instance_that_has_made_it(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        watched = await system.spawn(Scripted, "watched")
        watcher = await system.spawn(lambda: Scripted(log), "watcher")
        await watcher.ask(watching(watched))
        with pytest.raises(ActorCrashed):
            await watcher.ask(Fail(ValueError("boom")))

        await system.stop_child("watched")
        await watcher.ask(Say("hello"))

        assert log == ["started", "stopping crashed", "started", "hello"]


@simulated
async def test_the_message_of_a_monitor_gets_into_a_full_mailbox(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        watched = await system.spawn(Scripted, "watched")
        watcher = await system.spawn(lambda: Scripted(log), "watcher", mailbox=Mailbox(1))
        await watcher.ask(watching(watched))
        watcher.tell(Hold(gate))
        await turns()
        watcher.tell(Say("full"))

        await system.stop_child("watched")
        gate.set()
        await turns()

        assert log == ["started", "full", "gone"]


@simulated
async def test_a_stuck_actor_that_is_replaced_is_not_gone_and_one_that_is_given_up_is(
    simulation: Simulation[None],
) -> None:
    log: list[str] = []

    async def never_let_go(_: Scripted) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(60)

    async with simulation.system() as system:
        watcher = await system.spawn(lambda: Scripted(log), "watcher")
        group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL)
        other = await group.spawn(Scripted, "other")
        stuck = await group.spawn(Scripted, "stuck", shutdown=1.0)
        await watcher.ask(watching(stuck))
        stuck.tell(Do(never_let_go))
        await turns()

        other.tell(Fail(ValueError("boom")))
        await stuck.ask(Say("replaced"))
        assert log == ["started"]
        stuck.tell(Do(never_let_go))
        await turns()
        await group.stop_child("stuck")
        await turns()

        assert log == ["started", "gone"]


@simulated
async def test_the_edge_waits_for_the_end_of_an_actor(simulation: Simulation[None]) -> None:
    async def stop_later(actor: Scripted) -> None:
        await anyio.sleep(3)
        actor.stop()

    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", restart=Restart.TRANSIENT)
        family = await system.virtual(lambda _: Scripted(), "family")
        actor.tell(Do(stop_later))

        with anyio.move_on_after(1) as scope:
            await actor.terminated()
        assert scope.cancelled_caught
        await actor.terminated()
        assert 3.0 <= simulation.now < 3.1
        await actor.terminated()
        await family.ref("1").terminated()
        assert family.cells == []


@simulated
async def test_linked_actors_crash_together(simulation: Simulation[None]) -> None:
    log: list[str] = []
    errors: list[Exception | None] = []

    async def remember(actor: Scripted) -> None:
        why = actor._life.cell.last_exit
        errors.append(why.error if why is not None else None)

    async with simulation.system() as system:
        one = await system.spawn(lambda: Scripted(log), "one")
        two = await system.spawn(lambda: Scripted(log, starting=remember), "two")
        await one.ask(linking(two))

        with pytest.raises(ActorCrashed):
            await one.ask(Fail(ValueError("boom")))
        assert await two.ask(Say("restarted")) == "restarted"

        assert [node.restarts for node in system.tree().children] == [1, 1]
        error = errors[-1]
        assert isinstance(error, LinkBroken)
        assert isinstance(error.__cause__, ValueError)
        with pytest.raises(ActorCrashed):  # the link was broken: it is for the next instances to make another
            await two.ask(Fail(ValueError("boom")))
        for ref in (one, two):
            await ref.ask(Say("hello"))
        assert [node.restarts for node in system.tree().children] == [1, 2]
    assert_dead_letters(system, crashed=2)


@simulated
async def test_a_link_goes_ahead_of_the_messages_that_wait_and_costs_none_of_them(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        one = await system.spawn(Scripted, "one")
        two = await system.spawn(lambda: Scripted(log), "two")
        await two.ask(linking(one))
        two.tell(Hold(gate))
        two.tell(Say("waits"))
        await turns()

        one.tell(Fail(ValueError("boom")))
        await turns()
        gate.set()
        await turns()

        assert log == ["started", "stopping crashed", "started", "waits"]
    assert_dead_letters(system, crashed=1)


@simulated
async def test_a_chain_of_links_crashes_to_its_end(simulation: Simulation[None]) -> None:
    async with simulation.system(intensity=Intensity(10, 5.0)) as system:
        refs = [await system.spawn(Scripted, str(number)) for number in range(5)]
        for one, two in pairwise(refs):
            await one.ask(linking(two))

        refs[2].tell(Fail(ValueError("boom")))
        await turns(40)

        assert [node.restarts for node in system.tree().children] == [1] * 5


@simulated
async def test_an_end_that_is_no_crash_leaves_a_linked_actor_alone(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        one = await system.spawn(Scripted, "one")
        two = await system.spawn(Scripted, "two", restart=Restart.TRANSIENT)
        three = await system.spawn(Scripted, "three")

        async def unlink(actor: Scripted) -> None:
            actor.unlink(three)

        for message in (linking(two), linking(three), linking(one), Do(unlink)):
            await one.ask(message)
        await two.ask(Quit())
        three.tell(Fail(ValueError("boom")))
        await turns()

        assert [(node.path[-3:], node.restarts) for node in system.tree().children] == [("one", 0), ("ree", 1)]


@simulated
async def test_there_is_no_link_with_one_who_is_not_there(simulation: Simulation[None]) -> None:
    async with simulation.system(backoff=Backoff(initial=100, maximum=100), intensity=Intensity(9, 1)) as system:
        one = await system.spawn(Scripted, "one")
        down = await system.spawn(Scripted, "down")
        family = await system.virtual(lambda _: Scripted(), "family")
        for _ in range(2):
            down.tell(Fail(ValueError("boom")))
        await turns()

        for ref in (down, family.ref("1")):
            with pytest.raises(ActorCrashed) as caught:
                await one.ask(linking(ref))
            assert isinstance(caught.value.__cause__, ActorStopped)
            await anyio.sleep(61)
