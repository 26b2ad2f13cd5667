"""Coming and going leaves nothing behind."""

import gc
import weakref
from collections import Counter
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import psutil  # type: ignore[import-untyped]
import pytest

from actors import Activation, ActorSystem, Answer, Ref, Restart
from actors.cell import Cell
from actors.testing import BACKENDS, Simulation, assert_dead_letters, simulate
from tests.support.scripted import Do, Hold, No, Quit, Say, Scripted
from tests.support.simulated import simulated, turns

SPAWNED = 100_000
ACTIVATED = 20_000
SLACK = 4 * 2**20
"""By how many bytes the process may grow while nine tenths of them come and go: less than 50 bytes kept of each."""


def _left(system: ActorSystem) -> Counter[str]:
    gc.collect()
    cells = [each for each in gc.get_objects() if type(each) is Cell and each.runtime is system._runtime]
    return Counter(
        {
            "cells": len(cells),
            "units": len(system._branch._units),
            "scheduled": len(system._runtime.schedule._heap),
            "deadlines": len(system._runtime.deadlines),
        }
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_twenty_thousand_activations_and_passivations_leave_nothing_behind(backend: str) -> None:
    told: list[str] = []

    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            family = await system.virtual(lambda _: Scripted(), "family", activation=Activation(idle_after=1))
            await family.ref("first").ask(Say("hello"))
            watcher = await system.spawn(lambda: Scripted(told), "watcher")
            await anyio.sleep(20)
            before = _left(system)

            for number in range(ACTIVATED):
                ref = family.ref(str(number))
                ref.tell(Say("hello"))
                if number % 10 == 0:
                    watcher.tell(_watch(ref))
                if number % 1000 == 0:
                    await anyio.sleep(2)
            await anyio.sleep(20)

            assert _left(system) == before
            assert (family.cells, family._records, family._retries) == ([], {}, {})
            assert await watcher.ask(Do(_watched)) == 0
            assert told.count("gone") == ACTIVATED / 10
        assert_dead_letters(system)

    simulate(scenario, backend=backend)


def _watch(ref: Ref[Any]) -> Do:
    async def watch(actor: Scripted) -> None:
        actor.watch(ref, as_=Say("gone"))

    return Do(watch)


async def _watched(actor: Scripted) -> int:
    return len(actor._life.bonds._watching)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_hundred_thousand_actors_spawned_and_stopped_leave_nothing_behind(backend: str) -> None:
    async def scenario(simulation: Simulation[None]) -> None:
        async with simulation.system() as system:
            before = _left(system)
            process = psutil.Process()
            resident = 0

            for number in range(SPAWNED):
                if number == SPAWNED // 10:
                    resident = process.memory_info().rss
                await _come_and_go(system, f"actor {number % 7}")
            await anyio.sleep(20)

            assert _left(system) == before
            assert process.memory_info().rss - resident < SLACK

    simulate(scenario, backend=backend)


async def _come_and_go(system: ActorSystem, name: str) -> None:
    actor = await system.spawn(Scripted, name, restart=Restart.TEMPORARY)
    await actor.ask(Quit())
    while system.tree().children:
        await anyio.lowlevel.checkpoint()


@simulated
async def test_an_answered_call_is_forgotten_at_once_with_its_message(simulation: Simulation[None]) -> None:
    answers: list[Answer[Any]] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        gate = anyio.Event()
        reference = weakref.ref(gate)
        gate.set()

        actor.request(Hold(gate), answers.append, timeout=3600)
        await turns()
        await actor.ask(Say("another"), timeout=3600)
        del gate
        gc.collect()

        assert len(answers) == 1
        assert reference() is None
        assert len(system._runtime.deadlines) == 0


@simulated
async def test_an_error_given_to_a_caller_makes_no_cycle_of_garbage(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor")
        await _provoke(actor)
        gc.collect()
        gc.disable()
        try:
            reference = await _provoke(actor)
            await turns()

            assert reference() is None
        finally:
            gc.enable()


async def _provoke(actor: Any) -> weakref.ref[Exception]:
    references: list[weakref.ref[Exception]] = []

    def no() -> No:
        error = No("no")
        references.append(weakref.ref(error))
        return error

    async def refuse(_: Scripted) -> None:
        raise no()

    with suppress(No):
        await actor.ask(Do(refuse))
    return references[0]
