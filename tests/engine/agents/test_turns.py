"""Agents in rooms: who answers what, in which order, seeing what; and when they stop."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from itertools import count

import pytest

from engine.agents import Turn
from engine.domain.agents import AgentChanges, Policy
from engine.domain.answers import AnswerCancelled, AnswerCompleted, AnswerFailed, AnswerStarted, AnswerTool
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import StorageUnavailable
from engine.storage.memory import MemoryStorage, State
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.commands import MuteMember, Post
from engine.timelines.directory import NewConversation, NewRoom
from tests.engine.agents.scripted import (
    CLOSED,
    SCRIPTS,
    SETTING,
    TURNS,
    Calendar,
    Script,
    agent,
    broken,
    counting,
    endless,
    enormous,
    events,
    hanging,
    joined,
    quiet,
    said,
    silent,
    slowly,
    spoken,
    stalling,
    stubborn,
)
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, settings

pytestmark = pytest.mark.anyio


async def test_an_answer_streams_and_becomes_a_reply(lobby: Place, ada: Principal) -> None:
    ann = await joined(lobby, ada)
    SCRIPTS["Ann"] = slowly("Hel", "lo", "!")
    listener, _ = await lobby.listen(ada)

    asked = (await lobby.post(ada, "hello")).message
    await quiet()

    (answer,) = await spoken(lobby, ada)
    assert (answer.text, answer.reply_to, answer.author) == ("Hello!", asked.id, ann.participant)
    started, *pieces, completed = events(listener)
    assert started == AnswerStarted(str(answer.answer_id), ann.participant, asked.id)
    assert [piece.text for piece in pieces] == ["Hel", "lo", "!"]  # type: ignore[union-attr]
    assert completed == AnswerCompleted(str(answer.answer_id), answer.id)


async def test_who_comes_to_agents_finds_them_ready_before_anything_is_said(
    engine: Engine, storage: Interposed, lobby: Place, ada: Principal
) -> None:
    without_agents = await a_place(engine, ada)
    await joined(lobby, ada)
    SCRIPTS["Ann"] = slowly("Hello!")
    read: list[str] = []
    calm = storage.meddle

    async def listed(name: str, perform: Perform) -> object:
        read.append(name)
        return await calm(name, perform)

    storage.meddle = listed
    await without_agents.listen(ada)
    await quiet()
    read_without_agents = read.count("places")
    await lobby.listen(ada)
    await quiet()
    read_for_who_came = read.count("places")
    await lobby.post(ada, "hello")
    await quiet()

    assert read_without_agents == 0
    assert read_for_who_came == read.count("places") == 1
    assert [each.text for each in await spoken(lobby, ada)] == ["Hello!"]


async def test_an_answer_begins_when_the_database_is_back(storage: Interposed, lobby: Place, ada: Principal) -> None:
    await joined(lobby, ada, daily_answers=1)
    calm, tries = storage.meddle, count()

    async def away(name: str, perform: Perform) -> object:
        if name == "take_answer" and next(tries) < 2:
            raise StorageUnavailable("the database is away")
        return await calm(name, perform)

    storage.meddle = away
    await lobby.post(ada, "hello")
    await quiet()

    assert await said(lobby, ada) == [("Ada", "hello"), ("Ann", "I am Ann")]


async def test_what_is_asked_of_a_server_that_stops_is_answered_by_the_next(
    state: State, calendar: Calendar, ada: Principal
) -> None:
    def process() -> AbstractAsyncContextManager[Engine]:
        return Engine.open(settings(agents=SETTING), storage=MemoryStorage(state), seed=0, clock=calendar)

    async with process() as engine:
        lobby = await a_place(engine, ada)
        await joined(lobby, ada)
        await engine.stop_answers()
        await lobby.post(ada, "hello")
        await quiet(10)
    async with process() as engine:
        await quiet()
        answers = await said(Place(engine, lobby.id), ada)

    assert answers == [("Ada", "hello"), ("Ann", "I am Ann")]


async def test_policies_decide_what_is_answered(lobby: Place, ada: Principal) -> None:
    for policy in Policy:
        await joined(lobby, ada, f"agent-{policy}", policy, probability=0.0)
    await joined(lobby, ada, "agent-lucky", Policy.PROBABILITY, probability=1.0)

    await lobby.post(ada, "A statement, and no more.")
    await quiet()
    by_statement = {each.author.name for each in await spoken(lobby, ada)}
    await lobby.post(ada, "Who is there?")
    await quiet()
    by_question = {each.author.name for each in (await spoken(lobby, ada))[len(by_statement) :]}

    assert by_statement == {"agent-always", "agent-lucky"}
    assert by_question == {"agent-always", "agent-lucky", "agent-question", "agent-smart"}


async def test_a_name_or_a_reply_is_a_mention(lobby: Place, ada: Principal) -> None:
    await joined(lobby, ada, "Ann", Policy.MENTION)
    await joined(lobby, ada, "アン", Policy.SMART)

    for text in ("I like planning", "Ann, listen", "@ann hello", "アンさん、こんにちは"):
        await lobby.post(ada, text)
    await quiet()
    first = await spoken(lobby, ada)
    await lobby.post(ada, "thanks", reply_to=first[0].id)
    await quiet()

    answered = [each.author.name for each in await spoken(lobby, ada)]
    assert answered == ["Ann", "Ann", "アン", "Ann"]


async def test_agents_speak_in_the_order_in_which_they_joined_and_see_each_other(lobby: Place, ada: Principal) -> None:
    for name in ("Zoe", "Ann", "Max"):
        await joined(lobby, ada, name, Policy.MENTION)
        SCRIPTS[name] = slowly(f"{name} says something", pause=3.0)

    await lobby.post(ada, "Ann, Max and Zoe: hello")
    await lobby.post(ada, "something else")
    await quiet()

    assert [name for name, _ in await said(lobby, ada)] == ["Ada", "Ada", "Zoe", "Ann", "Max"]
    seen = [[message.text for message in turn.history] for turn in TURNS]
    assert seen == [
        ["Ann, Max and Zoe: hello"],
        ["Ann, Max and Zoe: hello", "Zoe says something"],
        ["Ann, Max and Zoe: hello", "Zoe says something", "Ann says something"],
    ]


async def test_the_context_ends_with_the_question_whatever_was_said_since(lobby: Place, ada: Principal) -> None:
    await joined(lobby, ada, "Ann", Policy.MENTION)
    SCRIPTS["Ann"] = slowly("answer", pause=5.0)

    for text in ("one", "Ann, first", "two", "Ann, second", "three"):
        await lobby.post(ada, text)
    await quiet()

    assert [[message.text for message in turn.history] for turn in TURNS] == [
        ["one", "Ann, first"],
        ["one", "Ann, first", "two", "Ann, second"],
    ]
    assert [turn.message.text for turn in TURNS] == ["Ann, first", "Ann, second"]


async def test_two_that_always_answer_stop_and_a_person_starts_them_again(lobby: Place, ada: Principal) -> None:
    for name in ("Ann", "Bob"):
        await joined(lobby, ada, name)

    await lobby.post(ada, "go")
    await quiet()
    first = [name for name, _ in await said(lobby, ada)]
    await lobby.post(ada, "again")
    await quiet()

    assert first == ["Ada", "Ann", "Bob", "Ann", "Bob"]
    assert [name for name, _ in await said(lobby, ada)] == first + first


async def test_two_agents_in_one_conversation_both_answer(engine: Engine, ada: Principal) -> None:
    people = [await agent(engine, ada, name, Policy.ALWAYS) for name in ("Ann", "Bob")]
    new = NewConversation(kind="group", participants=["Ann", "Bob"])  # type: ignore[arg-type]
    opened = await engine.timelines.create_conversation(ada, new, people)
    ref = engine.timelines.conversation(opened.conversation.id)

    await ref.ask(Post(ada, Draft(text="hello")))
    await quiet()

    page = await engine.timelines.messages(ref, ada)
    assert [each.author.name for each in reversed(page.items)] == ["Ada", "Ann", "Bob", "Ann", "Bob"]


async def test_a_private_conversation_follows_its_own_policy(engine: Engine, ada: Principal) -> None:
    ann = await agent(engine, ada, "Ann", Policy.NEVER, conversation_policy=Policy.ALWAYS)
    new = NewConversation(kind="private", participants=["Ann"])  # type: ignore[arg-type]
    opened = await engine.timelines.create_conversation(ada, new, [ann])
    ref = engine.timelines.conversation(opened.conversation.id)

    for text in ("hello", "and again"):
        await ref.ask(Post(ada, Draft(text=text)))
        await quiet()

    page = await engine.timelines.messages(ref, ada)
    assert [each.text for each in reversed(page.items)] == ["hello", "I am Ann", "and again", "I am Ann"]


async def test_an_agent_rests_for_its_cooldown_in_each_timeline(engine: Engine, lobby: Place, ada: Principal) -> None:
    ann = await joined(lobby, ada, "Ann", cooldown_seconds=60)
    other = Place(engine, (await engine.timelines.create_room(ada, NewRoom(name="Other"))).id)
    await engine.agents.join_room(ada, other.id, ann.id)

    for place in (lobby, lobby, other):
        await place.post(ada, "hello")
        await quiet(5)
    await quiet(60)
    await lobby.post(ada, "hello again")
    await quiet(5)

    assert len(await spoken(lobby, ada)) == 1 + 1
    assert len(await spoken(other, ada)) == 1


async def test_a_budget_of_answers_ends_with_the_day(lobby: Place, ada: Principal, calendar: Calendar) -> None:
    await joined(lobby, ada, "Ann", daily_answers=2)
    listener, _ = await lobby.listen(ada)

    for text in ("one", "two", "three", "Ann, four"):
        await lobby.post(ada, text)
        await quiet(5)
    refused = [each for each in events(listener) if isinstance(each, AnswerFailed)]
    calendar.tear_off()
    await lobby.post(ada, "the next day")
    await quiet(5)

    assert len(await spoken(lobby, ada)) == 2 + 1
    assert [each.code for each in refused] == ["budget_exceeded"], "only who addresses the agent is told"


async def test_a_budget_of_tokens_counts_what_was_said(lobby: Place, ada: Principal) -> None:
    await joined(lobby, ada, "Ann", daily_tokens=10)
    SCRIPTS["Ann"] = slowly("x" * 24)

    for text in ("one", "two", "three"):
        await lobby.post(ada, text)
        await quiet(5)

    assert len(await spoken(lobby, ada)) == 2


@pytest.mark.parametrize(
    ("script", "code", "within"),
    [
        (silent, "empty", 1.0),
        (broken, "agent_failed", 1.0),
        (hanging, "first_token_timeout", 61.0),
        (stalling, "stalled", 61.0),
        (stubborn, "first_token_timeout", 61.0),
        (endless, "too_long", 10.0),
        (enormous, "too_long", 10.0),
        (slowly(*["word "] * 700), "timeout", 610.0),
    ],
)
async def test_whatever_an_agent_does_its_answer_ends_and_others_do_not_notice(
    lobby: Place, ada: Principal, script: Script, code: str, within: float
) -> None:
    await joined(lobby, ada, "Ann", Policy.MENTION)
    await joined(lobby, ada, "Bob", Policy.MENTION)
    SCRIPTS["Ann"] = script
    listener, _ = await lobby.listen(ada)

    await lobby.post(ada, "Ann, hello")
    await quiet(within)

    failed = [each for each in events(listener) if isinstance(each, AnswerFailed)]
    assert [each.code for each in failed] == [code]
    assert "secret" not in failed[0].detail
    SCRIPTS["Ann"] = counting()
    await lobby.post(ada, "Bob, hello")
    await lobby.post(ada, "Ann, once more")
    await quiet(900 if script is stubborn else 20)
    texts = [(each.author.name, each.partial is True) for each in await spoken(lobby, ada)]
    assert ("Bob", False) in texts
    assert ("Ann", False) in texts


async def test_one_that_does_not_begin_holds_up_the_next_only_for_a_while(lobby: Place, ada: Principal) -> None:
    for name in ("Ann", "Bob"):
        await joined(lobby, ada, name, Policy.MENTION)
    SCRIPTS["Ann"] = slowly("at last", pause=40.0)

    await lobby.post(ada, "Ann and Bob, hello")
    await quiet(11)
    early = [name for name, _ in await said(lobby, ada)]
    await quiet(60)

    assert early == ["Ada", "Bob"]
    assert [name for name, _ in await said(lobby, ada)] == ["Ada", "Bob", "Ann"]


async def test_an_answer_that_is_cancelled_closes_the_generator(lobby: Place, ada: Principal, ben: Principal) -> None:
    await joined(lobby, ada, "Ann", Policy.MENTION)
    SCRIPTS["Ann"] = stalling
    listener, _ = await lobby.listen(ada)
    await lobby.post(ada, "Ann, hello")
    await quiet(5)
    (started, *_) = events(listener)

    await lobby.ref.ask(CancelAnswer(ben, started.answer_id))
    await quiet(0.2)

    assert CLOSED == ["Ann"]
    assert TURNS[0].cancelled
    (cancelled,) = [each for each in events(listener) if isinstance(each, AnswerCancelled)]
    assert (cancelled.by, cancelled.text) == (ben.id, "let me think")
    SCRIPTS["Ann"] = counting()
    await lobby.post(ada, "Ann, again")
    await quiet(5)
    assert (await spoken(lobby, ada))[-1].text.endswith("Ann, again")


async def test_a_deleted_question_and_an_agent_sent_away_end_the_answer(
    engine: Engine, lobby: Place, ada: Principal
) -> None:
    ann = await joined(lobby, ada, "Ann", Policy.MENTION)
    SCRIPTS["Ann"] = stalling

    asked = (await lobby.post(ada, "Ann, hello")).message
    await quiet(5)
    await lobby.delete(ada, asked)
    await quiet(1)
    after_deletion = list(CLOSED)
    await lobby.post(ada, "Ann, hello again")
    await lobby.post(ada, "Ann, and again")
    await quiet(5)
    await engine.agents.leave_room(ada, lobby.id, ann.id)
    await quiet(5)

    assert after_deletion == ["Ann"]
    assert CLOSED == ["Ann", "Ann"]
    assert await spoken(lobby, ada) == []


async def test_a_muted_agent_is_silent(lobby: Place, ada: Principal, engine: Engine) -> None:
    ann = await joined(lobby, ada, "Ann")
    forever = engine.clock.now().replace(year=9000)
    await lobby.ref.ask(MuteMember(ada, ann.id, forever))

    await lobby.post(ada, "hello")
    await quiet()

    assert await spoken(lobby, ada) == []


async def test_a_change_of_an_agent_holds_from_its_next_turn(engine: Engine, lobby: Place, ada: Principal) -> None:
    ann = await joined(lobby, ada, "Ann", Policy.NEVER)
    await lobby.post(ada, "hello")
    await quiet(5)
    await engine.agents.change(ann.id, AgentChanges(room_policy=Policy.ALWAYS))
    await quiet(5)
    unanswered = await spoken(lobby, ada)

    await lobby.post(ada, "hello again")
    await quiet(5)

    assert unanswered == []
    assert len(await spoken(lobby, ada)) == 1


async def test_a_timeline_without_agents_wakes_nobody(engine: Engine, lobby: Place, ada: Principal) -> None:
    await agent(engine, ada)

    await lobby.say(ada, "hello", "Ann, are you there?")
    await quiet(5)

    families = {child.path: child.children for child in engine.system.tree().children}
    assert families["gathering/agents"] == families["gathering/conductors"] == []


async def test_the_tree_shows_an_agent_at_work(engine: Engine, lobby: Place, ada: Principal) -> None:
    ann = await joined(lobby, ada)
    SCRIPTS["Ann"] = hanging

    await lobby.post(ada, "hello")
    await quiet(5)

    families = {child.path: child.children for child in engine.system.tree().children}
    assert [node.path for node in families["gathering/agents"]] == [f"gathering/agents/{ann.id}@room:{lobby.id}"]


async def test_tools_are_called_by_name_and_seen(lobby: Place, ada: Principal, engine: Engine) -> None:
    ann = await joined(lobby, ada, "Ann", Policy.MENTION, tools=["search", "members", "current_time", "vote"])
    heard: list[str] = []

    async def script(turn: Turn) -> AsyncGenerator[str]:
        for name, arguments in (
            ("search", {"words": "apples"}),
            ("members", {}),
            ("current_time", {}),
            ("vote", {"choice": "tea", "weight": "2"}),
        ):
            heard.append(await turn.tools.call(name, arguments))
        yield "done"

    SCRIPTS["Ann"] = script
    await lobby.say(ada, "I like apples")
    listener, _ = await lobby.listen(ada)
    await lobby.post(ada, "Ann, go")
    await quiet(5)

    assert "I like apples" in heard[0]
    assert heard[1] == '["Ada","Ben","Ann"]'
    assert heard[2].startswith(f"{engine.clock.now():%Y-%m-%d}")
    assert heard[3] == "Ann votes for tea times 2"
    shown = [(each.name, each.state) for each in events(listener) if isinstance(each, AnswerTool)]
    assert shown[:2] == [("search", "started"), ("search", "finished")]
    assert [spec.name for spec in TURNS[0].tools.specs] == ann.tools
