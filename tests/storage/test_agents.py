"""Agents in a storage: definitions, how far they have come, what they have spent."""

from datetime import date
from itertools import count

import anyio
import pytest
from msgspec.structs import replace

from engine.domain.agents import AgentBudgets, AgentDefinition, AgentMembership, AgentPlace, Policy
from engine.domain.events import MemberLeft
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.people import Participant
from engine.storage.repositories import Storage
from tests.storage.conftest import Connect
from tests.storage.made import NOON, a_message, a_user, add_user, append, at, claim, joined, new_id, open_room, posted

pytestmark = pytest.mark.anyio

TODAY = date(2026, 1, 1)
TOMORROW = date(2026, 1, 2)
NO_LIMITS = AgentBudgets()


def an_agent(name: str = "Ann", **fields: object) -> AgentDefinition:
    values = {
        "persona": "You are kind.",
        "model": "archivist",
        "room_policy": Policy.MENTION,
        "conversation_policy": Policy.ALWAYS,
        "created_by": ParticipantId("root"),
        "created_at": NOON,
    } | fields
    return AgentDefinition(id=ParticipantId(new_id()), name=name, **values)  # type: ignore[arg-type]


async def added(storage: Storage, name: str = "Ann", **fields: object) -> AgentDefinition:
    agent = an_agent(name, **fields)
    assert await storage.agents.add(agent)
    return agent


async def test_an_agent_is_found_as_it_was_added(storage: Storage) -> None:
    full = await added(
        storage,
        "アン",
        display_name="Ann of Green Gables",
        temperature=0.5,
        max_tokens=100,
        tools=["search", "members"],
        probability=0.25,
        cooldown_seconds=30,
        language="ja",
        daily_answers=10,
        daily_tokens=10_000,
        goodbye="さようなら",
    )
    plain = await added(storage, "Bo")

    assert await storage.agents.get(full.id) == full
    assert await storage.agents.all() == [full, plain]
    assert await storage.agents.get(ParticipantId("nobody")) is None
    assert await storage.agents.get(ParticipantId("no\x00body")) is None


async def test_a_name_is_taken_by_agents_and_people_in_any_case(storage: Storage) -> None:
    await add_user(storage, "Ada")
    ann = await added(storage, "Ann")
    bo = await added(storage, "Bo")

    assert not await storage.agents.add(an_agent("aNN"))
    assert not await storage.agents.add(an_agent("ada"))
    assert not await storage.agents.update(replace(bo, name="ANN"), was=bo)
    assert not await storage.agents.update(replace(bo, name="ADA"), was=bo)
    assert await storage.agents.update(replace(ann, name="ANN"), was=ann)
    assert [agent.name for agent in await storage.agents.all()] == ["ANN", "Bo"]


async def test_nobody_takes_the_name_of_an_agent_before_it_is_retired(storage: Storage) -> None:
    user = await add_user(storage, "Ada")
    fullwidth = await added(storage, "\N{FULLWIDTH LATIN CAPITAL LETTER A}nn")

    assert await storage.users.add(a_user("aNN"), "hash", "epoch") == "username"
    assert await storage.users.update(replace(user, username="ann"), was=user) == "username"
    assert await storage.users.by_login("ann") is None

    assert await storage.agents.retire(fullwidth.id)
    assert await storage.users.add(a_user("ann"), "hash", "epoch") is None


async def test_a_person_and_an_agent_never_get_one_name_at_once(storage: Storage, connect: Connect) -> None:
    """Two processes: for each name one of them comes first, whatever the interleaving."""
    names = [f"name{number}" for number in range(12)]
    people: set[str] = set()
    agents: set[str] = set()

    async def register(name: str) -> None:
        if await storage.users.add(a_user(name), "hash", "epoch") is None:
            people.add(name)

    async def define(other: Storage, name: str) -> None:
        if await other.agents.add(an_agent(name)):
            agents.add(name)

    async with connect() as other, anyio.create_task_group() as group:
        for name in names:
            group.start_soon(register, name)
            group.start_soon(define, other, name)

    assert not people & agents
    assert people | agents == set(names)


async def test_changes_of_different_fields_all_hold(storage: Storage) -> None:
    ann = await added(storage)

    assert await storage.agents.update(replace(ann, persona="You are brief."), was=ann)
    assert await storage.agents.update(replace(ann, room_policy=Policy.NEVER, tools=["clock"]), was=ann)

    changed = replace(ann, persona="You are brief.", room_policy=Policy.NEVER, tools=["clock"])
    assert await storage.agents.get(ann.id) == changed


async def test_messages_and_members_carry_the_present_name(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    room = await open_room(storage, ada)
    message = a_message(room, 3, ann.participant)
    await append(storage, await claim(storage, room), joined(2, ann.participant), posted(message))

    await storage.agents.update(replace(ann, name="anna", display_name="Anna"), was=ann)

    found = await storage.messages.get(room.id, message.id)
    assert found is not None
    assert found.author.name == "Anna"
    members = await storage.rooms.members(room.id)
    assert [(each.participant.name, each.username) for each in members] == [("Ada", "Ada"), ("Anna", "anna")]


async def test_a_retired_agent_is_found_no_more_and_its_name_is_free(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    room = await open_room(storage, ada)
    message = a_message(room, 3, ann.participant)
    await append(storage, await claim(storage, room), joined(2, ann.participant), posted(message))

    assert await storage.agents.retire(ann.id)
    assert not await storage.agents.retire(ann.id)

    assert await storage.agents.get(ann.id) is None
    assert await storage.agents.all() == []
    assert await storage.agents.retired() == [ann]
    assert await storage.agents.add(an_agent("Ann"))
    assert [each.agent_id for each in await storage.agents.memberships(ann.id)] == [ann.id]


async def test_an_erased_agent_leaves_its_messages_their_author(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    room = await open_room(storage, ada)
    message = a_message(room, 3, ann.participant)
    await append(storage, await claim(storage, room), joined(2, ann.participant), posted(message))
    await storage.agents.keep([AgentPlace(agent_id=ann.id, timeline_id=room.id, cursor=3)])
    await storage.agents.take_answer(ann.id, room.id, "a1", TODAY, NO_LIMITS)
    await storage.agents.retire(ann.id)

    await storage.agents.erase(ann.id)
    await storage.agents.keep([AgentPlace(agent_id=ann.id, timeline_id=room.id, cursor=4)])
    await storage.agents.spend(ann.id, room.id, TODAY, tokens=5)

    assert await storage.agents.retired() == []
    assert not await storage.agents.counted(ann.id, room.id, "a1")
    assert await storage.messages.get(room.id, message.id) == message


async def test_an_agent_in_use_is_not_erased(storage: Storage) -> None:
    ann = await added(storage)

    await storage.agents.erase(ann.id)

    assert await storage.agents.get(ann.id) == ann


async def test_memberships_are_those_of_agents_in_the_order_of_joining(storage: Storage, ada: Participant) -> None:
    ann, bo = await added(storage, "Ann"), await added(storage, "Bo")
    room = await open_room(storage, ada)
    left = MemberLeft(offset=4, at=at(4), actor=ann.id, participant_id=ann.id)
    claimed = await claim(storage, room)
    await append(storage, claimed, joined(2, bo.participant, seconds=2), joined(3, ann.participant, seconds=3), left)
    await append(storage, claimed, joined(5, ann.participant, seconds=5))

    expected = [
        AgentMembership(agent_id=bo.id, timeline_id=room.id, kind=TimelineKind.ROOM, joined_at=at(2)),
        AgentMembership(agent_id=ann.id, timeline_id=room.id, kind=TimelineKind.ROOM, joined_at=at(5)),
    ]
    assert await storage.agents.memberships() == expected
    assert await storage.agents.memberships(ann.id) == expected[1:]


async def test_timelines_are_stirred_by_their_newest_message(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    quiet, old, new = [await open_room(storage, ada) for _ in range(3)]
    for room in (quiet, old, new):
        claimed = await claim(storage, room)
        await append(storage, claimed, joined(2, ann.participant))
        if room is not quiet:
            await append(storage, claimed, posted(a_message(room, 3, ada)))
    await append(storage, await claim(storage, new), posted(a_message(new, 9, ada)))

    assert [each.timeline_id for each in await storage.agents.stirred(at(9))] == [new.id]
    assert [each.timeline_id for each in await storage.agents.stirred(at(3))] == sorted([old.id, new.id])
    assert await storage.agents.stirred(at(10)) == []


async def test_there_is_one_place_for_an_agent_in_a_timeline_and_it_never_goes_back(
    storage: Storage, ada: Participant
) -> None:
    ann, bo = await added(storage, "Ann"), await added(storage, "Bo")
    room = await open_room(storage, ada)
    first = AgentPlace(agent_id=ann.id, timeline_id=room.id, cursor=3)
    second = AgentPlace(agent_id=ann.id, timeline_id=room.id, cursor=7, answered_at=at(7))
    other = AgentPlace(agent_id=bo.id, timeline_id=room.id, cursor=1)

    await storage.agents.keep([first, other])
    await storage.agents.keep([second])
    await storage.agents.keep([first])
    await storage.agents.keep([])

    assert await storage.agents.places(room.id) == [second, other]


async def test_answers_are_counted_up_to_each_budget(storage: Storage, ada: Participant) -> None:
    ann, bo = await added(storage, "Ann"), await added(storage, "Bo")
    here, there = await open_room(storage, ada), await open_room(storage, ada)
    numbers = count()

    async def take(agent_id: ParticipantId, timeline_id: TimelineId, day: date, budgets: AgentBudgets) -> str | None:
        return await storage.agents.take_answer(agent_id, timeline_id, f"a{next(numbers)}", day, budgets)

    assert await take(ann.id, here.id, TODAY, AgentBudgets(answers=2)) is None
    assert await take(ann.id, there.id, TODAY, AgentBudgets(answers=2)) is None
    assert await take(ann.id, there.id, TODAY, AgentBudgets(answers=2)) == "answers"
    assert await take(ann.id, there.id, TOMORROW, AgentBudgets(answers=2)) is None
    assert await take(bo.id, here.id, TODAY, AgentBudgets(answers=1, room_answers=1)) == "room_answers"
    await storage.agents.spend(ann.id, here.id, TODAY, tokens=60)
    await storage.agents.spend(ann.id, there.id, TODAY, tokens=40)
    assert await take(ann.id, here.id, TODAY, AgentBudgets(tokens=100)) == "tokens"
    assert await take(ann.id, here.id, TODAY, AgentBudgets(tokens=101, room_tokens=60)) == "room_tokens"
    assert await take(ann.id, here.id, TODAY, AgentBudgets(tokens=101, room_tokens=61)) is None


async def test_answers_that_begin_at_once_do_not_exceed_the_budget(connect: Connect) -> None:
    async with connect() as storage, connect() as other:
        ann = await added(storage)
        room = await open_room(storage, (await add_user(storage, "Ada")).participant)
        refused: list[str | None] = []

        async def take(of: Storage, answer_id: str) -> None:
            refused.append(await of.agents.take_answer(ann.id, room.id, answer_id, TODAY, AgentBudgets(answers=3)))

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(take, storage if number % 2 else other, f"a{number}")

    assert refused.count(None) == 3


async def test_an_answer_that_is_begun_again_is_counted_once_until_it_is_posted(
    storage: Storage, ada: Participant
) -> None:
    ann, bo = await added(storage, "Ann"), await added(storage, "Bo")
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    claimed = await claim(storage, room)
    twice = AgentBudgets(answers=2)

    async def take(
        answer_id: str, day: date = TODAY, *, of: AgentDefinition = ann, where: TimelineId = room.id
    ) -> bool:
        return await storage.agents.take_answer(of.id, where, answer_id, day, twice) is None

    async def post(author: Participant, offset: int) -> None:
        await append(storage, claimed, posted(a_message(room, offset, author, answer_id="a1")))

    assert [await take("a1"), await take("a2"), await take("a1"), await take("a2", TOMORROW)] == [True] * 4
    assert not await take("a3")
    assert [await take("a1", of=bo), await take("a1", where=other.id)] == [True, False]
    await post(bo.participant, 3)
    assert await storage.agents.counted(ann.id, room.id, "a1")
    await post(ann.participant, 4)
    assert not await storage.agents.counted(ann.id, room.id, "a1")
    assert [await take("a1"), await take("a2")] == [False, True]


async def test_an_answer_that_did_not_begin_is_given_back_once(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    room = await open_room(storage, ada)
    take, once = storage.agents.take_answer, AgentBudgets(answers=1)

    await take(ann.id, room.id, "a1", TODAY, once)
    for _ in range(2):
        await storage.agents.give_back(ann.id, room.id, "a1")
        await storage.agents.give_back(ann.id, room.id, "unheard of")

    assert await take(ann.id, room.id, "a2", TODAY, once) is None
    assert await take(ann.id, room.id, "a3", TODAY, once) == "answers"


async def test_what_was_spent_long_ago_is_forgotten(storage: Storage, ada: Participant) -> None:
    ann = await added(storage)
    room = await open_room(storage, ada)
    long_ago, take = date(2025, 12, 1), storage.agents.take_answer
    await take(ann.id, room.id, "a1", long_ago, NO_LIMITS)
    await take(ann.id, room.id, "a2", TODAY, NO_LIMITS)

    assert await storage.agents.purge(before=TODAY) == 1

    assert [await storage.agents.counted(ann.id, room.id, each) for each in ("a1", "a2")] == [False, True]
    assert await take(ann.id, room.id, "a3", TODAY, AgentBudgets(answers=1)) == "answers"
    assert await take(ann.id, room.id, "a3", long_ago, AgentBudgets(answers=1)) is None
