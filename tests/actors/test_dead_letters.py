"""Dead letters are all counted; only the log has measure."""

from typing import Any

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from actors import Actor, ActorStopped, Mailbox, MailboxFull, Message, Restart, handles
from actors.dead_letters import KEPT, LOGGED, QUIET, DeadLetter, DeadLetters
from actors.testing import Simulation
from tests.support.scripted import Hold, Quit, Say, Scripted
from tests.support.simulated import simulated, turns


def test_all_are_counted_the_latest_are_kept_and_few_are_logged() -> None:
    structlog.reset_defaults()
    now = 0.0
    letters = DeadLetters(lambda: now)

    with capture_logs() as logged:
        for number in range(KEPT + 50):
            letters.add(DeadLetter("a/b", number, "expired"))
    with capture_logs() as logged_later:
        now = QUIET + 1
        letters.add(DeadLetter("a/b", "later", "stopped"))

    assert letters.total == KEPT + 51
    assert letters.counts == {"expired": KEPT + 50, "stopped": 1}
    assert len(letters.latest) == KEPT
    assert [entry["event"] for entry in logged] == ["actor.dead_letter"] * LOGGED + ["actor.dead_letters_muted"]
    assert [entry["reason"] for entry in logged_later] == ["stopped"]


class Lost(Message["Undertaker", None], frozen=True):
    letter: Any


class Undertaker(Actor):
    def __init__(self, book: list[DeadLetter], *, fails: bool = False) -> None:
        self.book = book
        self.fails = fails

    @handles(Lost)
    async def lost(self, message: Lost) -> None:
        self.book.append(message.letter)
        if self.fails:
            raise ValueError("an undertaker")


def test_subscribers_are_told_of_each_until_they_leave() -> None:
    letters = DeadLetters(lambda: 0.0)
    first: list[DeadLetter] = []
    second: list[DeadLetter] = []
    leave = letters.subscribe(first.append)
    letters.subscribe(second.append)

    letters.add(DeadLetter("a/b", 1, "expired"))
    leave()
    leave()
    letters.add(DeadLetter("a/b", 2, "stopped"))

    assert [letter.message for letter in first] == [1]
    assert [letter.message for letter in second] == [1, 2]


def test_a_subscriber_that_raises_harms_nobody() -> None:
    letters = DeadLetters(lambda: 0.0)
    told: list[DeadLetter] = []

    def fail(_: DeadLetter) -> None:
        raise ValueError

    letters.subscribe(fail)
    letters.subscribe(told.append)
    letters.add(DeadLetter("a/b", 1, "expired"))

    assert len(told) == letters.total == 1


def test_dead_letters_of_subscribers_are_counted_and_go_no_further() -> None:
    letters = DeadLetters(lambda: 0.0)
    letters.subscribe(lambda letter: letters.add(DeadLetter("c/d", letter, "mailbox_full")))
    letters.add(DeadLetter("a/b", 1, "expired"))

    assert letters.counts == {"expired": 1, "mailbox_full": 1}


@simulated
async def test_an_actor_gets_dead_letters_as_messages(simulation: Simulation[None]) -> None:
    book: list[DeadLetter] = []

    async with simulation.system() as system:
        undertaker = await system.spawn(lambda: Undertaker(book), "undertaker")
        leave = system.dead_letters.send_to(undertaker, Lost)
        actor = await system.spawn(Scripted, "actor", mailbox=Mailbox(1))
        actor.tell(Hold(anyio.Event()))
        await turns()
        actor.tell(Say("waits"))
        with pytest.raises(MailboxFull):
            actor.tell(Say("has no room"))
        await turns()
        leave()
        with pytest.raises(MailboxFull):
            actor.tell(Say("is not told"))
        await turns()

        assert [(letter.path, letter.reason) for letter in book] == [("simulated/actor", "mailbox_full")]


@simulated
async def test_an_actor_is_not_told_of_its_own_dead_letters_nor_after_its_end(simulation: Simulation[None]) -> None:
    book: list[DeadLetter] = []

    async with simulation.system() as system:
        undertaker = await system.spawn(lambda: Undertaker(book, fails=True), "undertaker")
        system.dead_letters.send_to(undertaker, Lost)
        actor = await system.spawn(Scripted, "actor", restart=Restart.TEMPORARY)
        await actor.ask(Quit())
        await turns()
        with pytest.raises(ActorStopped):
            actor.tell(Say("to nobody"))
        await anyio.sleep(10)
        assert system.dead_letters.counts == {"stopped": 1, "crashed": 1}

        await system.stop_child("undertaker")
        for _ in range(2):
            with pytest.raises(ActorStopped):
                actor.tell(Say("to nobody"))

    assert len(book) == 1
    assert system.dead_letters._subscribers == {}
