"""Mailboxes are bounded, and each overflow policy does what its name says."""

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorStopped,
    AskTimeout,
    Block,
    Coalesce,
    DropNewest,
    DropOldest,
    Mailbox,
    MailboxFull,
    Reject,
    Restart,
)
from actors.call import Call
from actors.mailbox import AnyCall, Dropped, Overflow, Queue, Rejected
from actors.testing import Simulation, assert_dead_letters
from tests.support.scripted import Do, Fetch, Hold, Quit, Relay, Say, Scripted
from tests.support.simulated import simulated, turns


def test_a_mailbox_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Mailbox(0)


def _text(call: AnyCall) -> str:
    assert isinstance(call.message, Say)
    return call.message.text


def _texts(queue: Queue) -> list[str]:
    return [_text(queue.take()) for _ in range(len(queue))]


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [
        (Reject(), "ab", None),
        (Block(), "ab", None),
        (DropNewest(), "ab", "c"),
        (DropOldest(), "bc", "a"),
        (Coalesce(lambda _: None), "ab", None),
    ],
)
def test_a_full_queue_follows_its_policy(overflow: Overflow, kept: str, dropped: str | None) -> None:
    queue = Queue(Mailbox(2, overflow))
    queue.put(Call(Say("a")))
    queue.put(Call(Say("b")))

    outcome = queue.put(Call(Say("c")))

    if dropped is None:
        assert outcome == Rejected()
    else:
        assert isinstance(outcome, Dropped)
        assert outcome.call.message.text == dropped
    assert _texts(queue) == list(kept)


@given(st.lists(st.one_of(st.none(), st.text("abcd-", min_size=1, max_size=1)), max_size=60), st.integers(1, 5))
def test_coalescing_keeps_the_latest_of_each_key_in_the_place_of_the_first(
    steps: list[str | None], capacity: int
) -> None:
    queue = Queue(Mailbox(capacity, Coalesce(lambda message: None if message.text[0] == "-" else message.text[0])))
    model: list[str] = []

    for number, step in enumerate(steps):
        if step is None:
            if model:
                assert _text(queue.peek()) == model[0]
                assert _text(queue.take()) == model.pop(0)
            continue
        text = f"{step}{number}"
        places = [place for place, waiting in enumerate(model) if step != "-" and waiting[0] == step]
        outcome = queue.put(Call(Say(text)))
        if places:
            assert isinstance(outcome, Dropped)
            assert outcome.call.message.text == model[places[0]]
            model[places[0]] = text
        elif len(model) >= capacity:
            assert outcome == Rejected()
        else:
            assert outcome is None
            model.append(text)

    assert _texts(queue) == model


@simulated
async def test_a_full_mailbox_rejects(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(2))
        actor.tell(Hold(gate))
        await turns()
        actor.tell(Say("1"))
        actor.tell(Say("2"))

        with pytest.raises(MailboxFull):
            actor.tell(Say("3"))
        with pytest.raises(MailboxFull):
            await actor.ask(Say("4"))
        gate.set()
        await turns()
        assert await actor.ask(Say("5")) == "5"

    assert_dead_letters(system, mailbox_full=2)


@simulated
async def test_the_one_dropped_for_another_is_told_so(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    errors: list[Exception | None] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1, DropOldest()))
        actor.tell(Hold(gate))
        await turns()
        actor.request(Say("old"), lambda answer: errors.append(answer.error))

        actor.request(Say("new"), lambda answer: errors.append(answer.error))
        gate.set()
        await turns()

    assert [type(error) for error in errors] == [MailboxFull, type(None)]
    assert_dead_letters(system, dropped_oldest=1)


@simulated
async def test_the_actor_class_declares_the_mailbox(simulation: Simulation[None]) -> None:
    class Small(Scripted):
        mailbox = Mailbox(1)

    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Small, "actor")
        actor.tell(Hold(gate))
        await turns()
        actor.tell(Say("1"))

        with pytest.raises(MailboxFull):
            actor.tell(Say("2"))
        gate.set()

    assert Actor.mailbox.capacity == 1024


@simulated
async def test_blocked_callers_get_in_one_by_one_and_all_of_them(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    answers: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1, Block()))
        actor.tell(Hold(gate))
        await turns()

        async def ask(text: str) -> None:
            answers.append(await actor.ask(Say(text), timeout=60))

        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(ask, str(number))
            await turns()
            assert answers == []
            gate.set()

    assert sorted(answers, key=int) == [str(number) for number in range(30)]
    assert_dead_letters(system)


@simulated
async def test_a_blocked_caller_waits_no_longer_than_its_deadline(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1, Block()))
        actor.tell(Hold(gate))
        await turns()
        actor.tell(Say("fills it"))

        with pytest.raises(AskTimeout):
            await actor.ask(Say("waits"), timeout=1.0)
        assert 1.0 <= simulation.now < 1.1
        gate.set()

    assert system.dead_letters.counts["expired"] == 1


@simulated
async def test_a_blocked_caller_that_leaves_hands_its_room_on(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    answers: list[str] = []
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1, Block()))
        actor.tell(Hold(gate))
        await turns()
        actor.tell(Say("fills it"))

        async def leave(scope: anyio.CancelScope) -> None:
            with scope:
                answers.append(await actor.ask(Say("leaves"), timeout=60))

        async def stay() -> None:
            answers.append(await actor.ask(Say("stays"), timeout=60))

        async with anyio.create_task_group() as group:
            scopes = [anyio.CancelScope() for _ in range(5)]
            for scope in scopes:
                group.start_soon(leave, scope)
            await turns()
            group.start_soon(stay)
            await turns()
            gate.set()
            await turns(1)
            for scope in scopes:
                scope.cancel()

        assert simulation.now < 1.0
    assert "stays" in answers


@simulated
async def test_blocked_callers_are_released_when_the_actor_stops(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    async with simulation.system() as system:
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1, Block()), restart=Restart.TRANSIENT)

        async def wait_and_quit(scripted: Scripted) -> None:
            await gate.wait()
            scripted.stop()

        actor.tell(Do(wait_and_quit))
        await turns()
        actor.tell(Say("fills it"))
        refused: list[bool] = []

        async def ask() -> None:
            with pytest.raises(ActorStopped):
                await actor.ask(Say("waits"), timeout=3600)
            refused.append(True)

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(ask)
            await turns()
            gate.set()

        assert refused == [True] * 3
        assert simulation.now < 1.0
    assert_dead_letters(system, stopped=4)


@simulated
async def test_an_actor_is_never_made_to_wait_for_room(simulation: Simulation[None]) -> None:
    gate = anyio.Event()
    log: list[str] = []
    async with simulation.system() as system:
        full = await system.spawn(Scripted, "full", mailbox=Mailbox(1, Block()))
        full.tell(Hold(gate))
        await turns()
        full.tell(Say("fills it"))
        actor = await system.spawn(lambda: Scripted(log), "actor")

        await actor.ask(Fetch(full, Say("no room")))
        await actor.ask(Say("not blocked"))
        actor.tell(Relay(full, Say("no room")))
        await turns()
        gate.set()

    assert log[1] == "not blocked" or "MailboxFull" in log[1]
    assert any("MailboxFull" in line for line in log)
    assert system.dead_letters.counts["mailbox_full"] == 2


@simulated
async def test_the_answers_to_its_own_requests_reach_an_actor_with_a_full_mailbox(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        source = await system.spawn(Scripted, "source")

        async def fetch_and_wait(scripted: Scripted) -> None:
            for number in range(10):
                await scripted.fetch(Fetch(source, Say(str(number))))
            await anyio.sleep(1)

        actor = await system.spawn(lambda: Scripted(log), "actor", mailbox=Mailbox(1))
        await actor.ask(Do(fetch_and_wait))
        await anyio.sleep(1)

    assert log == ["started", *(f"fetched {number}" for number in range(10)), "stopping shutdown"]
    assert_dead_letters(system)


@simulated
async def test_only_the_latest_of_a_key_is_handled(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()
    async with simulation.system() as system:
        mailbox = Mailbox(4, Coalesce(lambda message: message.text[0] if isinstance(message, Say) else None))
        actor = await system.spawn(lambda: Scripted(log), "actor", mailbox=mailbox)
        actor.tell(Hold(gate))
        await turns()

        for text in ("a1", "b1", "a2", "a3", "b2"):
            actor.tell(Say(text))
        gate.set()
        await actor.ask(Say("c1"))
        await actor.ask(Quit())

    assert log[1:4] == ["a3", "b2", "c1"]
    assert_dead_letters(system, coalesced=3)
