"""Answers in rooms: how they begin, grow, become messages, and end."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import pytest
from msgspec import UNSET

from engine.domain.answers import AnswerCancelled, AnswerCompleted, AnswerDelta, AnswerFailed, AnswerStarted, StopReason
from engine.domain.fields import ConversationKind
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, EngineError, Forbidden, InvalidRequest, NotFound, Overloaded, StorageUnavailable
from engine.timelines.answer_commands import AbandonAnswer, CancelAnswer, ExtendAnswer
from engine.timelines.answers import INTERVAL, MOST_OF_ONE
from engine.timelines.commands import ArchiveRoom, ConversationChanges, MuteMember, UpdateConversation
from engine.timelines.directory import NewConversation
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running, unavailable
from tests.engine.timelines.answered import Author, Reader, cancel, deltas, kinds, told

pytestmark = pytest.mark.anyio


@pytest.fixture
def author(lobby: Place, ben: Principal) -> Author:
    return Author(lobby.ref, ben)


@pytest.fixture
def slow(storage: Interposed) -> None:
    """The database takes a second to commit."""

    async def slowly(name: str, perform: Perform) -> object:
        if name == "append":
            await anyio.sleep(1)
        return await perform()

    storage.meddle = slowly


CHANGES: dict[str, Callable[[Place, Principal, Message], Callable[[], Coroutine[Any, Any, object]]]] = {
    "edited": lambda place, by, question: partial(place.edit, by, question, "where?"),
    "deleted": lambda place, by, question: partial(place.delete, by, question),
}
"""What becomes of a question."""


# Streaming


async def test_an_answer_is_started_grows_and_becomes_a_message_that_completes_it(
    lobby: Place, ada: Principal, author: Author
) -> None:
    (question,) = await lobby.say(ada, "who?")
    listener, _ = await lobby.listen(ada)

    await author.start(question=question)
    await author.extend("it ", "was ")
    await anyio.sleep(1)
    await author.extend("me")
    posted = await author.finish(client_id="c1")

    assert told(listener.publications) == [
        AnswerStarted("a1", author.by.participant, question.id),
        AnswerDelta("a1", 0, "it ", 3),
        AnswerDelta("a1", 1, "was ", 7),
        AnswerDelta("a1", 2, "me", 9),
        AnswerCompleted("a1", posted.message.id),
    ]
    assert kinds(listener)[-2:] == ["message.posted", "answer.completed"]
    message = posted.message
    assert (message.text, message.answer_id, message.reply_to, message.partial) == (
        "it was me",
        "a1",
        question.id,
        UNSET,
    )
    assert author.stopped == []


async def test_however_fast_an_author_writes_subscribers_hear_of_it_25_times_a_second(
    lobby: Place, ada: Principal, author: Author
) -> None:
    listener, _ = await lobby.listen(ada)
    began = anyio.current_time()

    await author.start()
    for number in range(1000):
        await author.extend(f"{number} ")
        await anyio.sleep(0.002)
    seconds = anyio.current_time() - began
    posted = await author.finish()

    heard = deltas(listener)
    assert 0.9 * seconds / INTERVAL <= len(heard) <= seconds / INTERVAL + 2
    assert [each.index for each in heard] == list(range(len(heard)))
    assert "".join(each.text for each in heard) == posted.message.text == "".join(f"{each} " for each in range(1000))


async def test_the_first_delta_is_told_at_once(lobby: Place, ada: Principal, author: Author) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()

    began = anyio.current_time()
    await author.extend("first")

    assert [each.text for each in deltas(listener)] == ["first"]
    assert anyio.current_time() == began


async def test_who_comes_midway_gets_the_text_so_far_and_then_what_follows(
    lobby: Place, ada: Principal, author: Author
) -> None:
    await author.start()
    await author.extend("told ", "not yet told ")

    listener, subscribed = await lobby.listen(ada)
    await author.extend("later")
    posted = await author.finish()

    assert subscribed.live is not None
    (answer,) = subscribed.live.answers
    assert (answer.answer_id, answer.author, answer.question) == ("a1", author.by.participant, None)
    assert (answer.text, answer.index, answer.length) == ("told ", 1, 5)
    reader = Reader(subscribed.live.answers)
    for event in told(listener.publications):
        reader.hear(event)
    assert reader.texts["a1"] == posted.message.text


async def test_an_author_may_give_the_whole_text_at_the_end(lobby: Place, ada: Principal, author: Author) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()
    await author.extend("one")

    posted = await author.finish(text="one and two", language="en")

    assert "".join(each.text for each in deltas(listener)) == "one and two"
    assert (posted.message.text, posted.message.language) == ("one and two", "en")


async def test_several_answers_grow_beside_each_other(lobby: Place, ada: Principal, author: Author) -> None:
    listener, _ = await lobby.listen(ada)
    other = Author(lobby.ref, ada)

    await author.start()
    await other.start("a2")
    for _ in range(20):
        await author.extend("b")
        await other.extend("a", answer_id="a2")
        await anyio.sleep(0.01)
    await author.finish()
    await other.finish("a2")

    reader = Reader()
    for event in told(listener.publications):
        reader.hear(event)
    assert reader.texts == {"a1": "b" * 20, "a2": "a" * 20}


# Finishing again


async def test_finishing_again_with_a_client_id_returns_the_first_message(
    lobby: Place, ada: Principal, author: Author
) -> None:
    await author.start()
    first = await author.finish(text="said", client_id="c1")

    again = await author.finish(text="said", client_id="c1")
    await author.start("a2")
    anew = await author.finish("a2", text="said differently", client_id="c1")

    assert (again.created, again.message) == (False, first.message)
    assert (anew.created, anew.message) == (False, first.message)
    assert [each.text for each in (await lobby.page(ada)).items] == ["said"]


async def test_an_answer_that_was_posted_before_completes_when_it_is_finished(
    lobby: Place, ada: Principal, author: Author
) -> None:
    listener, _ = await lobby.listen(ada)
    first = await lobby.post(author.by, "said", "c1")
    await author.start()

    await author.finish(text="said", client_id="c1")

    assert told(listener.publications)[-1] == AnswerCompleted("a1", first.message.id)


async def test_an_answer_can_be_finished_again_when_the_database_was_away(
    storage: Interposed, lobby: Place, ada: Principal, author: Author
) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()
    await author.extend("patience")
    calm, storage.meddle = storage.meddle, unavailable
    with pytest.raises(StorageUnavailable):
        await author.finish()

    storage.meddle = calm
    posted = await author.finish()

    assert posted.message.text == "patience"
    assert [type(each) for each in told(listener.publications)] == [AnswerStarted, AnswerDelta, AnswerCompleted]


async def test_a_commit_whose_answer_was_lost_completes_the_answer(
    storage: Interposed, lobby: Place, ada: Principal, author: Author
) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()

    async def lose_the_answer(_name: str, perform: Perform) -> object:
        storage.meddle = calm
        await perform()
        raise StorageUnavailable("the connection broke, after the commit")

    calm, storage.meddle = storage.meddle, lose_the_answer
    with pytest.raises(StorageUnavailable):
        await author.finish(text="said once")
    await lobby.post(ada, "something else")
    again = await author.finish(text="said once")

    assert again.created is False
    assert [type(each) for each in told(listener.publications)][-1] is AnswerCompleted
    assert [each.text for each in (await lobby.page(ada)).items] == ["something else", "said once"]


# Ending early


async def test_anyone_who_may_write_cancels_an_answer_and_what_it_says_is_kept(
    lobby: Place, ada: Principal, author: Author
) -> None:
    (question,) = await lobby.say(ada, "who?")
    listener, _ = await lobby.listen(ada)
    await author.start(question=question)
    await author.extend("it was ", "perhaps")

    await cancel(lobby.ref, ada)
    await anyio.sleep(1)

    assert told(listener.publications)[-1] == AnswerCancelled("a1", ada.id, StopReason.CANCELLED, "it was perhaps")
    assert author.stopped == [("a1", StopReason.CANCELLED)]
    kept = (await lobby.page(ada)).items[0]
    assert (kept.text, kept.answer_id, kept.partial, kept.reply_to) == ("it was perhaps", "a1", True, question.id)
    with pytest.raises(NotFound):
        await author.extend("more")


async def test_an_author_who_gives_up_leaves_what_there_is(lobby: Place, ada: Principal, author: Author) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()
    await author.extend("as far as ")
    await author.start("a2")

    await author.fail()
    await author.fail("a2", code="model", detail="nothing came")
    await anyio.sleep(1)

    assert told(listener.publications)[-2:] == [
        AnswerFailed("a1", "model", "the model broke off", "as far as "),
        AnswerFailed("a2", "model", "nothing came"),
    ]
    assert [(each.text, each.partial) for each in (await lobby.page(ada)).items] == [("as far as ", True)]
    assert author.stopped == []


@pytest.mark.parametrize("how", ["edit", "delete", "remove", "leave", "mute", "archive"])
async def test_what_makes_an_answer_pointless_cancels_it_and_nothing_is_kept(
    lobby: Place, ada: Principal, author: Author, how: str
) -> None:
    (question,) = await lobby.say(ada, "who?")
    listener, _ = await lobby.listen(ada)
    await author.start(question=question)
    await author.extend("it was")

    match how:
        case "edit":
            await lobby.edit(ada, question, "where?")
        case "delete":
            await lobby.delete(ada, question)
        case "remove":
            await lobby.remove(ada, author.by.participant)
        case "leave":
            await lobby.leave(author.by)
        case "mute":
            until = lobby.engine.clock.now().replace(year=2100)
            await lobby.ref.ask(MuteMember(ada, author.by.id, until))
        case _:
            await lobby.ref.ask(ArchiveRoom(ada))
    await anyio.sleep(1)

    reason = {
        "edit": StopReason.QUESTION_EDITED,
        "delete": StopReason.QUESTION_DELETED,
        "archive": StopReason.ARCHIVED,
    }.get(how, StopReason.AUTHOR_GONE)
    by = author.by.id if how == "leave" else ada.id
    assert told(listener.publications)[-1] == AnswerCancelled("a1", by, reason)
    assert author.stopped == [("a1", reason)]
    assert all(each.answer_id is UNSET for each in (await lobby.page(ada)).items)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("under_way", ["something else", "the change"])
@pytest.mark.parametrize("change", CHANGES)
async def test_an_answer_is_not_posted_after_a_change_of_its_question_that_came_first(
    lobby: Place, ada: Principal, author: Author, change: str, under_way: str
) -> None:
    (question,) = await lobby.say(ada, "who?")
    listener, _ = await lobby.listen(ada)
    await author.start(question=question)
    await author.extend("it was me")
    refused: list[EngineError] = []

    async def finish() -> None:
        try:
            await author.finish()
        except EngineError as refusal:
            refused.append(refusal)

    async with anyio.create_task_group() as tasks:
        if under_way == "something else":
            tasks.start_soon(lobby.post, ada, "meanwhile")
            await anyio.sleep(0.1)
        tasks.start_soon(CHANGES[change](lobby, ada, question))
        await anyio.sleep(0.1)
        tasks.start_soon(finish)

    reason = StopReason(f"question_{change}")
    assert [each.code for each in refused] == ["conflict"]
    assert told(listener.publications)[-1] == AnswerCancelled("a1", ada.id, reason)
    assert author.stopped == [("a1", reason)]
    assert all(each.answer_id is UNSET for each in (await lobby.page(ada)).items)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_kept_of_an_answer_is_not_posted_after_a_change_of_its_question(
    lobby: Place, ada: Principal, author: Author, change: str
) -> None:
    (question,) = await lobby.say(ada, "who?")
    await author.start(question=question)
    await author.extend("it was")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lobby.post, ada, "meanwhile")
        await anyio.sleep(0.1)
        tasks.start_soon(CHANGES[change](lobby, ada, question))
        await anyio.sleep(0.1)
        await cancel(lobby.ref, ada)
    await anyio.sleep(5)

    assert all(each.answer_id is UNSET for each in (await lobby.page(ada)).items)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("change", CHANGES)
async def test_an_answer_that_came_first_stands_before_a_change_of_its_question(
    lobby: Place, ada: Principal, author: Author, change: str
) -> None:
    (question,) = await lobby.say(ada, "who?")
    listener, _ = await lobby.listen(ada)
    await author.start(question=question)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lobby.post, ada, "meanwhile")
        await anyio.sleep(0.1)
        tasks.start_soon(partial(author.finish, text="it was me"))
        await anyio.sleep(0.1)
        tasks.start_soon(CHANGES[change](lobby, ada, question))

    assert isinstance(told(listener.publications)[-1], AnswerCompleted)
    assert kinds(listener)[-3:-1] == ["message.posted", f"message.{change}"]
    assert author.stopped == []


async def test_an_edit_of_another_message_leaves_an_answer_alone(lobby: Place, ada: Principal, author: Author) -> None:
    question, other = await lobby.say(ada, "who?", "by the way")
    await author.start(question=question)

    await lobby.edit(ada, other, "never mind")
    await lobby.delete(ada, other)
    await author.finish(text="me")

    assert author.stopped == []


async def test_an_answer_that_grows_too_long_fails_and_is_kept_up_to_the_limit(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with running(storage, answer_characters=100) as engine:
        lobby = await a_place(engine, ada, ben)
        listener, _ = await lobby.listen(ada)
        author = Author(lobby.ref, ben)
        await author.start()
        await author.extend("x" * 60)

        await author.extend("y" * 10_000_000)
        await anyio.sleep(1)

        failed = told(listener.publications)[-1]
        assert isinstance(failed, AnswerFailed)
        assert (failed.code, failed.text) == ("too_long", "x" * 60 + "y" * 40)
        assert author.stopped == [("a1", StopReason.TOO_LONG)]
        assert (await lobby.page(ada)).items[0].text == failed.text


async def test_an_answer_that_takes_too_long_fails(storage: Interposed, ada: Principal, ben: Principal) -> None:
    async with running(storage, answer_seconds=30.0) as engine:
        lobby = await a_place(engine, ada, ben)
        listener, _ = await lobby.listen(ada)
        author = Author(lobby.ref, ben)
        await author.start()

        await anyio.sleep(29)
        before = list(author.stopped)
        await anyio.sleep(2)

        assert before == []
        assert author.stopped == [("a1", StopReason.TIMEOUT)]
        assert [each.code for each in told(listener.publications) if isinstance(each, AnswerFailed)] == ["timeout"]


@pytest.mark.parametrize(("text", "code"), [("", "empty"), (" \n", "empty"), ("x" * 16_001, "too_long")])
async def test_an_answer_that_cannot_be_a_message_fails_when_it_is_finished(
    lobby: Place, ada: Principal, author: Author, text: str, code: str
) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()

    with pytest.raises(InvalidRequest):
        await author.finish(text=text)

    (failed,) = [each for each in told(listener.publications) if isinstance(each, AnswerFailed)]
    assert failed.code == code


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
async def test_text_that_no_storage_holds_fails_the_answer(
    lobby: Place, ada: Principal, author: Author, text: str
) -> None:
    await author.start()
    await author.extend("good ")

    await author.extend(text)
    await anyio.sleep(1)

    assert author.stopped == [("a1", StopReason.INVALID_TEXT)]
    assert (await lobby.page(ada)).items[0].text == "good "


async def test_a_stop_of_the_server_ends_answers_with_an_event_and_keeps_them(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with running(storage) as engine:
        lobby = await a_place(engine, ada, ben)
        listener, _ = await lobby.listen(ada)
        author = Author(lobby.ref, ben)
        await author.start()
        await author.extend("unfinished")

        await engine.stop_answers()

        failed = told(listener.publications)[-1]
        with pytest.raises(Overloaded):
            await author.start("a2")
    async with running(storage) as engine:
        messages = (await Place(engine, lobby.id).page(ada)).items

    assert isinstance(failed, AnswerFailed)
    assert (failed.code, failed.text) == ("stopping", "unfinished")
    assert author.stopped == [("a1", StopReason.STOPPING)]
    assert [(each.text, each.partial) for each in messages] == [("unfinished", True)]


async def test_a_room_that_crashes_says_that_its_answers_are_over(lobby: Place, ada: Principal, author: Author) -> None:
    listener, _ = await lobby.listen(ada)
    await author.start()

    lobby.ref.tell(MuteMember(ada, author.by.id, until="never"))  # type: ignore[arg-type]
    await anyio.sleep(1)
    _, again = await lobby.listen(ada)

    assert [each.code for each in told(listener.publications) if isinstance(each, AnswerFailed)] == ["stopping"]
    assert author.stopped == [("a1", StopReason.STOPPING)]
    assert again.live is not None
    assert again.live.answers == ()


# Who may


async def test_only_its_author_writes_an_answer(lobby: Place, ada: Principal, author: Author) -> None:
    await author.start()
    stranger = Author(lobby.ref, ada)

    for attempt in (stranger.extend("x"), stranger.finish(text="x"), stranger.fail()):
        with pytest.raises(NotFound):
            await attempt

    assert (await author.finish(text="mine")).message.author == author.by.participant


async def test_only_those_who_may_write_start_and_cancel(
    lobby: Place, cleo: Principal, root: Principal, author: Author
) -> None:
    await author.start()

    with pytest.raises(Forbidden):
        await Author(lobby.ref, cleo).start("a2")
    with pytest.raises(Forbidden):
        await cancel(lobby.ref, cleo)
    await cancel(lobby.ref, root)

    assert author.stopped == [("a1", StopReason.CANCELLED)]


async def test_conversations_have_answers_too_and_archiving_one_ends_them(
    engine: Engine, ada: Principal, ben: Principal, cleo: Principal
) -> None:
    new = NewConversation(kind=ConversationKind.PRIVATE, participants=["Ben"])
    opened = await engine.timelines.create_conversation(ada, new, [await engine.accounts.user(ben.id)])
    conversation = engine.timelines.conversation(opened.conversation.id)
    author = Author(conversation, ben)
    await author.start()
    await author.start("a2")

    with pytest.raises(NotFound):
        await conversation.ask(CancelAnswer(cleo, "a1"))
    posted = await author.finish(text="between us")
    await conversation.ask(UpdateConversation(ada, ConversationChanges(archived=True)))

    assert (posted.message.text, posted.message.timeline_id) == ("between us", opened.conversation.id)
    assert author.stopped == [("a2", StopReason.ARCHIVED)]


async def test_too_many_answers_of_one_author_are_refused(author: Author) -> None:
    for number in range(MOST_OF_ONE):
        await author.start(f"a{number}")

    with pytest.raises(Overloaded):
        await author.start("one more")
    with pytest.raises(Conflict):
        await author.start("a1")


async def test_the_question_must_be_there(lobby: Place, ada: Principal, author: Author) -> None:
    (question,) = await lobby.say(ada, "who?")
    await lobby.delete(ada, question)
    elsewhere = await a_place(lobby.engine, ada)
    (other,) = await elsewhere.say(ada, "where?")

    refused: list[EngineError] = []
    for each in (question, other):
        with pytest.raises(EngineError) as raised:
            await author.start(question=each)
        refused.append(raised.value)

    assert [type(each) for each in refused] == [Conflict, InvalidRequest]


async def test_a_question_that_is_older_than_memory_is_answered(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with running(storage, recent_events=2) as engine:
        lobby = await a_place(engine, ada, ben)
        question, *_ = await lobby.say(ada, "who?", "1", "2", "3")
        author = Author(lobby.ref, ben)

        await author.start(question=question)
        posted = await author.finish(text="me")

        assert posted.message.reply_to == question.id


async def test_a_room_where_somebody_answers_is_not_put_to_rest(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with running(storage, idle_passivation=5.0) as engine:
        lobby = await a_place(engine, ada, ben)
        author = Author(lobby.ref, ben)
        await author.start()

        await anyio.sleep(60)
        posted = await author.finish(text="still here")

        assert posted.created
        assert author.stopped == []


async def test_an_abandoned_answer_fails_after_a_while_unless_its_author_goes_on(
    lobby: Place, ada: Principal, author: Author
) -> None:
    listener, _ = await lobby.listen(ada)
    for answer_id in ("a1", "a2"):
        await author.start(answer_id)
        await author.extend("begun", answer_id=answer_id)
        await lobby.ref.ask(AbandonAnswer(author.by, answer_id, 10.0, author))

    await anyio.sleep(9)
    await author.extend(" and continued", answer_id="a2")
    await anyio.sleep(60)
    posted = await author.finish("a2")

    failed = [each for each in told(listener.publications) if isinstance(each, AnswerFailed)]
    assert [(each.answer_id, each.code, each.text) for each in failed] == [("a1", "disconnected", "begun")]
    assert posted.message.text == "begun and continued"


async def test_an_author_who_was_followed_by_another_leaves_nothing_behind(lobby: Place, author: Author) -> None:
    follower = Author(lobby.ref, author.by)
    await author.start()
    await author.extend("begun")

    await lobby.ref.ask(ExtendAnswer(author.by, "a1", " and continued", author=follower))
    await lobby.ref.ask(AbandonAnswer(author.by, "a1", 10.0, author))
    await anyio.sleep(60)
    posted = await follower.finish()

    assert posted.message.text == "begun and continued"
