"""One timeline of an agent outside: which messages it answers, in which order, and which it leaves alone."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from engine.domain.agents import AgentDefinition, Policy
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from gateway.client.place import RECENT, Place

pytestmark = pytest.mark.anyio

ADA = Participant(ParticipantId("ada"), ParticipantKind.USER, "Ada")
BOT = Participant(ParticipantId("bot"), ParticipantKind.AGENT, "bot")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def agent(**changes: Any) -> AgentDefinition:
    given: dict[str, Any] = {"room_policy": Policy.ALWAYS, "conversation_policy": Policy.ALWAYS, "model": "external"}
    given |= {"id": BOT.id, "name": "bot", "persona": "", "created_by": ADA.id, "created_at": datetime.now(UTC)}
    return AgentDefinition(**(given | changes))


def said(
    offset: int,
    author: Participant = ADA,
    *,
    age: timedelta = timedelta(),
    reply_to: str | None = None,
    **fields: Any,
) -> Message:
    return Message(
        id=MessageId(f"m{offset}"),
        timeline_id=TimelineId("1"),
        offset=offset,
        author=author,
        text=f"message {offset}",
        created_at=datetime.now(UTC) - age,
        reply_to=None if reply_to is None else MessageId(reply_to),
        **fields,
    )


def posted(message: Message) -> dict[str, Any]:
    event: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({"type": "message.posted", "message": message}))
    return event


class Spoken:
    """An answer that takes until it is let go, or stopped."""

    def __init__(self, question: Message) -> None:
        self.id = f"answer to {question.id}"
        self.question = question
        self.gone = anyio.Event()
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True
        self.gone.set()

    async def run(self) -> None:
        await self.gone.wait()


class Stage:
    """A place that runs, and everything that is said in it."""

    def __init__(self, definition: AgentDefinition) -> None:
        self.spoken: list[Spoken] = []
        self.place = Place("room:1", definition, self._begin)  # type: ignore[arg-type] # speaks by script
        self.place.subscribed({"room": {"name": "Lobby"}}, missed=False)

    def _begin(self, _place: Place, question: Message) -> Spoken:
        self.spoken.append(Spoken(question))
        return self.spoken[-1]

    @property
    def questions(self) -> list[int]:
        return [each.question.offset for each in self.spoken]

    async def settle(self) -> list[int]:
        """Let every answer end; the offsets of all that were answered."""
        await anyio.wait_all_tasks_blocked()
        while not all(each.gone.is_set() for each in self.spoken):
            for each in self.spoken:
                each.gone.set()
            await anyio.wait_all_tasks_blocked()
        return self.questions


@pytest.fixture
async def begin() -> AsyncIterator[Callable[..., Stage]]:
    async with anyio.create_task_group() as tasks:

        def begin(**changes: Any) -> Stage:
            stage = Stage(agent(**changes))
            tasks.start_soon(stage.place.run)
            return stage

        yield begin
        tasks.cancel_scope.cancel()


async def test_messages_are_answered_one_after_the_other(begin: Callable[..., Stage]) -> None:
    stage = begin()
    stage.place.catch_up([])
    for offset in (1, 2, 3):
        stage.place.hear(posted(said(offset)))
    await anyio.wait_all_tasks_blocked()
    first = list(stage.questions)

    assert first == [1]
    assert await stage.settle() == [1, 2, 3]


async def test_what_is_said_while_it_catches_up_is_answered_after_what_was_said_before(
    begin: Callable[..., Stage],
) -> None:
    stage = begin()

    stage.place.hear(posted(said(3)))
    stage.place.catch_up([said(3), said(2), said(1)])

    assert await stage.settle() == [1, 2, 3]


async def test_what_is_old_or_has_its_answer_is_left_alone(begin: Callable[..., Stage]) -> None:
    stage = begin()

    old = said(1, age=RECENT + timedelta(seconds=10))
    stage.place.catch_up([said(4), said(3, BOT, reply_to="m2"), said(2), old])

    assert await stage.settle() == [4]


async def test_a_message_that_comes_again_is_answered_once(begin: Callable[..., Stage]) -> None:
    stage = begin()
    stage.place.catch_up([said(1)])

    stage.place.hear(posted(said(1)))
    again = stage.place.subscribed({}, missed=True)
    stage.place.catch_up([said(2), said(1)])

    assert again
    assert await stage.settle() == [1, 2]


async def test_a_question_that_is_deleted_before_its_turn_is_not_answered(begin: Callable[..., Stage]) -> None:
    stage = begin()
    stage.place.catch_up([said(2), said(1)])
    await anyio.wait_all_tasks_blocked()

    stage.place.hear(posted(said(2)) | {"type": "message.deleted"})

    assert await stage.settle() == [1]


async def test_a_question_that_is_edited_before_its_turn_is_answered_as_it_stands_then(
    begin: Callable[..., Stage],
) -> None:
    stage = begin()
    stage.place.catch_up([said(2), said(1)])
    await anyio.wait_all_tasks_blocked()

    stage.place.hear(posted(replace(said(2), text="edited")) | {"type": "message.edited"})

    assert await stage.settle() == [1, 2]
    assert stage.spoken[1].question.text == "edited"


@pytest.mark.parametrize("end", ["answer.cancelled", "answer.failed"])
async def test_an_answer_that_the_timeline_has_ended_is_stopped_and_the_next_begins(
    begin: Callable[..., Stage], end: str
) -> None:
    stage = begin()
    stage.place.catch_up([said(2), said(1)])
    await anyio.wait_all_tasks_blocked()

    stage.place.hear({"type": end, "answer_id": "somebody else's"})
    stage.place.hear({"type": end, "answer_id": "answer to m1"})
    await anyio.wait_all_tasks_blocked()

    assert stage.questions == [1, 2]
    assert stage.spoken[0].stopped


@pytest.mark.parametrize("code", ["stopping", "disconnected"])
async def test_an_answer_that_was_interrupted_goes_on_unless_something_of_it_is_kept(
    begin: Callable[..., Stage], code: str
) -> None:
    stage = begin()
    stage.place.catch_up([said(1)])
    await anyio.wait_all_tasks_blocked()
    failed = {"type": "answer.failed", "answer_id": "answer to m1", "code": code}

    stage.place.hear(failed)
    goes_on = not stage.spoken[0].stopped
    stage.place.hear({**failed, "text": "so far"})

    assert goes_on
    assert stage.spoken[0].stopped


async def test_a_change_of_the_definition_holds_from_the_next_message_on(begin: Callable[..., Stage]) -> None:
    stage = begin()
    stage.place.catch_up([said(1)])

    stage.place.learn(agent(room_policy=Policy.NEVER))
    stage.place.hear(posted(said(2)))

    assert await stage.settle() == [1]


async def test_the_policy_decides_and_a_reply_to_the_agent_is_for_it(begin: Callable[..., Stage]) -> None:
    stage = begin(room_policy=Policy.MENTION)
    stage.place.catch_up([])

    for message in (said(1), said(2, BOT), said(3, reply_to="m2"), said(4, reply_to="m1")):
        stage.place.hear(posted(message))

    assert await stage.settle() == [3]
