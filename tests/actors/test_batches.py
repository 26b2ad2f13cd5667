"""Batch handlers: what they are given, and what becomes of the calls they leave open."""

import anyio
import pytest

from actors import ActorCrashed, ActorStopped, Answer, AskTimeout, Call
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Fail, Hold, No, Put, Say, Scripted
from tests.support.simulated import simulated, turns


@simulated
async def test_a_batch_is_what_stands_together_at_the_head_of_the_mailbox(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    answers: list[int] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))

        for number in range(6):
            actor.request(Put(number), lambda answer: answers.append(answer.result()))
        actor.tell(Say("between"))
        actor.request(Put(6), lambda answer: answers.append(answer.result()))
        gate.set()
        await actor.ask(Say("last"))

    assert log == ["started", "0+1+2+3", "4+5", "between", "6", "last", "stopping shutdown"]
    assert answers == list(range(7))
    assert_dead_letters(system)


@simulated
async def test_expired_calls_are_not_in_the_batch(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(log), "actor")
        actor.tell(Hold(gate))
        for number in range(4):
            actor.request(Put(number), lambda _: None, timeout=1.0 if number % 2 else 10.0)

        await anyio.sleep(2)
        gate.set()
        await actor.ask(Say("last"))

    assert log == ["started", "0+2", "last", "stopping shutdown"]
    assert_dead_letters(system, expired=2)


@simulated
async def test_a_call_may_be_answered_later(simulation: Simulation[None]) -> None:
    kept: list[Call[Put, int]] = []

    async def keep(_: Scripted, calls: list[Call[Put, int]]) -> None:
        kept.extend(calls)

    answers: list[int] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=keep), "actor")
        actor.request(Put(1), lambda answer: answers.append(answer.result()))
        await actor.ask(Say("meanwhile"))

        kept[0].answer(2)
        kept[0].answer(3)

    assert answers == [2]
    assert kept[0].settled
    assert_dead_letters(system)


@simulated
async def test_calls_left_open_fail_when_the_actor_crashes(simulation: Simulation[None]) -> None:
    async def keep(actor: Scripted, calls: list[Call[Put, int]]) -> None:
        pass

    answers: list[Answer[int]] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=keep), "actor")
        actor.request(Put(1), answers.append)
        actor.tell(Put(2))

        with pytest.raises(ActorCrashed):
            await actor.ask(Fail(ValueError("boom")))

    assert [type(answer.error) for answer in answers] == [ActorCrashed]
    assert_dead_letters(system, crashed=1)  # the one in its hands; the open call had been handled


@simulated
async def test_calls_left_open_fail_when_the_actor_stops(simulation: Simulation[None]) -> None:
    async def keep(actor: Scripted, calls: list[Call[Put, int]]) -> None:
        pass

    answers: list[Answer[int]] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=keep), "actor")
        actor.request(Put(1), answers.append)
        await actor.ask(Say("meanwhile"))

    assert [type(answer.error) for answer in answers] == [ActorStopped]


@simulated
async def test_calls_left_open_fail_at_their_deadline(simulation: Simulation[None]) -> None:
    async def keep(actor: Scripted, calls: list[Call[Put, int]]) -> None:
        pass

    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=keep), "actor")

        with pytest.raises(AskTimeout):
            await actor.ask(Put(1), timeout=1.0)

        assert system.tree().children[0].idle_for is not None


@simulated
async def test_a_crash_fails_every_call_of_the_batch_and_none_that_waits(simulation: Simulation[None]) -> None:
    async def crash_once(_: Scripted, calls: list[Call[Put, int]]) -> None:
        if calls[0].message.number == 0:
            calls[0].answer(0)
            raise ValueError("boom")
        for call in calls:
            call.answer(call.message.number)

    answers: list[Answer[int]] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=crash_once), "actor")
        actor.tell(Hold(gate))
        for number in range(6):
            actor.request(Put(number), answers.append)
        gate.set()
        await actor.ask(Say("last"))

    assert [type(answer.error) for answer in answers] == [type(None), *[ActorCrashed] * 3, type(None), type(None)]
    assert_dead_letters(system, crashed=4)


@simulated
async def test_a_refusal_of_the_whole_batch_reaches_those_who_have_no_answer_yet(
    simulation: Simulation[None],
) -> None:
    async def refuse(_: Scripted, calls: list[Call[Put, int]]) -> None:
        calls[0].answer(0)
        raise No

    answers: list[Answer[int]] = []
    async with simulation.system() as system:
        actor = await system.spawn(lambda: Scripted(batched=refuse), "actor")
        for number in range(3):
            actor.request(Put(number), answers.append)
        await turns()
        await actor.ask(Say("alive"))

    assert [type(answer.error) for answer in answers] == [type(None), No, No]
    assert_dead_letters(system)
