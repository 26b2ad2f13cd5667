"""Questions and answers between two ends, in one process and in virtual time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio
import msgspec
import pytest

from actors.testing.asyncio_scheduler import AsyncioScheduler
from actors.testing.trio_scheduler import TrioScheduler
from engine.processes import link as links
from engine.processes.framing import encoded
from engine.processes.link import Failed, Failure, Link, LinkEnded, Question, Reply, Side
from engine.processes.sending import GATHER, NOT_MADE
from tests.support.ends import ends

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    scheduler = AsyncioScheduler(None) if request.param == "asyncio" else TrioScheduler(None)
    return request.param, scheduler.options


class Double(Question[int], frozen=True):
    number: int
    seconds: float = 0.0


class Lengths(Question[dict[tuple[str, str], int]], frozen=True):
    words: tuple[tuple[str, str], ...]


class Noted(msgspec.Struct, frozen=True):
    number: int


UNLUCKY = Failure("unlucky", "not that one", 2.5)


class Peer:
    """Doubles numbers after a while, refuses 13, and breaks at 14."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self.cancelled: list[int] = []
        self.later: list[Reply] = []

    async def answer(self, question: Double | Lengths) -> object:
        if isinstance(question, Lengths):
            return {each: len(each[0]) + len(each[1]) for each in question.words}
        try:
            await anyio.sleep(question.seconds)
        except BaseException:
            self.cancelled.append(question.number)
            raise
        if question.number == 13:
            raise Failed(UNLUCKY)
        if question.number == 14:
            raise RuntimeError("broken")
        return 2 * question.number

    def take(self, question: Double | Lengths, reply: Reply) -> bool:
        """Replies to some by itself: to 21 at once, to 22 with a refusal, to 23 when 24 is asked."""
        match question:
            case Double(number=21):
                reply.answer(42)
            case Double(number=22):
                reply.refuse(UNLUCKY)
            case Double(number=23):
                self.later.append(reply)
            case Double(number=24):
                for each in self.later:
                    each.answer(46)
                reply.answer(48)
            case _:
                return False
        return True

    def hear(self, note: Noted) -> None:
        self.noted.append(note.number)

    @property
    def side(self) -> Side:
        return Side(questions=Double | Lengths, notes=Noted, answer=self.answer, hear=self.hear, take=self.take)


@asynccontextmanager
async def linked(peer: Peer) -> AsyncIterator[tuple[Link, Link]]:
    """Two ends; the first is the test's, which answers like the other one."""
    here, there = ends()
    ours, theirs = Link(here, Peer().side), Link(there, peer.side)
    async with there, anyio.create_task_group() as over_there:
        over_there.start_soon(theirs.carry)
        async with here, anyio.create_task_group() as carrying:
            carrying.start_soon(ours.carry)
            yield ours, theirs
            ours.close()


async def test_answers_come_to_their_questions_in_whatever_order_and_in_both_directions() -> None:
    answers: list[tuple[float, int]] = []

    async def ask(link: Link, number: int, seconds: float) -> None:
        answer = await link.ask(Double(number, seconds))
        answers.append((anyio.current_time() - began, answer))

    async with linked(Peer()) as (ours, theirs):
        began = anyio.current_time()
        async with anyio.create_task_group() as asking:
            asking.start_soon(ask, ours, 1, 3.0)
            asking.start_soon(ask, ours, 2, 1.0)
            asking.start_soon(ask, theirs, 3, 2.0)

    assert [answer for _, answer in answers] == [4, 6, 2]
    assert [seconds for seconds, _ in answers] == pytest.approx([1.0, 2.0, 3.0])


async def test_an_answer_has_the_type_that_its_question_names() -> None:
    async with linked(Peer()) as (link, _):
        lengths = await link.ask(Lengths((("a", "bc"), ("", ""))))

    assert lengths == {("a", "bc"): 3, ("", ""): 0}


async def test_notes_come_in_their_order_and_before_the_questions_after_them() -> None:
    peer = Peer()
    async with linked(peer) as (link, _):
        for number in range(100):
            link.note(partial(Noted, number))
        await link.ask(Double(1))

    assert peer.noted == list(range(100))


async def test_what_nobody_waits_for_leaves_in_a_moment_together_and_with_whatever_somebody_waits_for() -> None:
    here, there = ends()
    link = Link(here, Peer().side)
    left: list[float] = []

    async def receive() -> None:
        while True:
            await there.receive()
            left.append(round(anyio.current_time() - began, 6))

    async with here, there, anyio.create_task_group() as tasks:
        tasks.start_soon(link.carry)
        tasks.start_soon(receive)
        began = anyio.current_time()
        for _ in range(3):
            link.note(partial(Noted, 1))
            await anyio.sleep(GATHER / 4)
        await anyio.sleep(1.0)
        link.note(partial(Noted, 2))
        await anyio.sleep(GATHER / 4)
        link.ping()
        await anyio.sleep(1.0)
        tasks.cancel_scope.cancel()

    assert left == pytest.approx([GATHER, 1.0 + GATHER])  # the second with the ping


async def test_a_question_may_be_replied_to_without_a_task() -> None:
    answers: list[int] = []

    async def ask(link: Link, number: int) -> None:
        answers.append(await link.ask(Double(number)))

    async with linked(Peer()) as (link, _):
        assert await link.ask(Double(21)) == 42
        with pytest.raises(Failed) as refused:
            await link.ask(Double(22))
        async with anyio.create_task_group() as asking:
            asking.start_soon(ask, link, 23)
            await anyio.sleep(1.0)
            before = list(answers)
            asking.start_soon(ask, link, 24)

    assert refused.value.failure == UNLUCKY
    assert before == []
    assert sorted(answers) == [46, 48]


async def test_a_reply_that_nobody_waits_for_any_more_and_one_over_a_link_that_has_ended_are_no_matter() -> None:
    peer = Peer()
    async with linked(peer) as (link, _):
        with anyio.move_on_after(1.0):
            await link.ask(Double(23))
        assert await link.ask(Double(24)) == 48
    peer.later[0].answer(46)

    assert link.closed


async def test_a_refusal_says_what_the_other_side_says_and_an_accident_does_not() -> None:
    async with linked(Peer()) as (link, _):
        with pytest.raises(Failed) as refused:
            await link.ask(Double(13))
        with pytest.raises(Failed) as broken:
            await link.ask(Double(14))
        after = await link.ask(Double(15))

    assert refused.value.failure == UNLUCKY
    assert broken.value.failure == Failure("failed", "RuntimeError")
    assert after == 30


async def test_a_question_that_nobody_waits_for_any_more_is_not_answered_any_further() -> None:
    peer = Peer()
    async with linked(peer) as (link, _):
        with anyio.move_on_after(1.0):
            await link.ask(Double(7, 100.0))
        began = anyio.current_time()
        await link.ask(Double(8))
        waited = anyio.current_time() - began

    assert peer.cancelled == [7]
    assert waited == pytest.approx(0.0)


async def _end(ours: Link, theirs: Link) -> None:
    del ours
    await theirs._stream.aclose()


async def _talk_nonsense(ours: Link, theirs: Link) -> None:
    del ours
    await theirs._stream.send(encoded(Noted(1)))  # not in a frame


async def _close_here(ours: Link, theirs: Link) -> None:
    del theirs
    ours.close()


@pytest.mark.parametrize("end", [_end, _close_here, _talk_nonsense])
async def test_who_waits_is_told_that_the_link_has_ended_and_so_is_who_asks_then(
    end: Callable[[Link, Link], Awaitable[None]],
) -> None:
    ended: list[float] = []

    async def wait(link: Link) -> None:
        with pytest.raises(LinkEnded):
            await link.ask(Double(1, 1e9))
        ended.append(anyio.current_time())

    async with linked(Peer()) as (ours, theirs):
        async with anyio.create_task_group() as waiting:
            for _ in range(3):
                waiting.start_soon(wait, ours)
            await anyio.sleep(1.0)
            await end(ours, theirs)
        with pytest.raises(LinkEnded):
            await ours.ask(Double(1))
        with pytest.raises(LinkEnded):
            ours.note(partial(Noted, 1))

        assert len(ended) == 3
        assert ours.closed


async def test_pings_are_answered_and_those_that_are_not_are_counted() -> None:
    async with linked(Peer()) as (ours, theirs):
        unanswered = []
        for _ in range(3):
            unanswered.append(ours.ping())
            await anyio.sleep(1.0)
        theirs.close()
        await anyio.sleep(1.0)
        unanswered += [ours.ping(), ours.ping()]

    assert unanswered == [0, 0, 0, 0, 1]


async def test_who_reads_nothing_has_gone_at_some_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "MOST_UNSENT", 100 * NOT_MADE)
    here, there = ends()
    link = Link(here, Peer().side)
    async with here, there, anyio.create_task_group() as carrying:
        carrying.start_soon(link.carry)
        told = 0
        with suppress(LinkEnded):
            while told < 10_000:
                link.note(partial(Noted, told))
                told += 1

    assert link.closed
    assert told == 101
