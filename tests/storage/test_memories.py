"""What agents remember, in a storage: what is found, within which circle, and what goes with what."""

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.agents import AgentDefinition
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.memories import Circle, Memory, MemoryId
from engine.domain.people import Participant
from engine.domain.rooms import Room
from engine.search.query import parse
from engine.storage.repositories import Storage
from engine.storage.repositories.memories import Refusal
from tests.storage.conftest import Connect
from tests.storage.made import NOON, a_message, append, at, claim, deleted, edited, new_id, open_room, posted
from tests.storage.test_agents import added

pytestmark = pytest.mark.anyio

MANY = 1000


@pytest.fixture
async def ann(storage: Storage) -> AgentDefinition:
    return await added(storage)


@pytest.fixture
async def room(storage: Storage, ada: Participant) -> Room:
    return await open_room(storage, ada)


def a_memory(agent: AgentDefinition, about: Participant | None, text: str = "likes tea", **fields: object) -> Memory:
    values = {"timeline_id": None, "message_id": None, "created_at": NOON, "updated_at": NOON} | fields
    return Memory(
        id=MemoryId(new_id()),
        agent_id=agent.id,
        about=about.id if about else None,
        text=text,
        **values,  # type: ignore[arg-type]
    )


async def kept(storage: Storage, *memories: Memory) -> list[Memory]:
    """Stores them; the newest first, as they are read."""
    for memory in memories:
        assert await storage.memories.add(memory, most=MANY) is None
    return list(reversed(memories))


async def test_it_is_known_which_agents_remember_anything(
    storage: Storage, ann: AgentDefinition, ada: Participant
) -> None:
    await added(storage, "Bo")
    first, second = await kept(storage, a_memory(ann, ada), a_memory(ann, ada))

    assert await storage.memories.remembering() == {ann.id}

    for each in (first, second):
        await storage.memories.remove(ann.id, each.id)
    assert await storage.memories.remembering() == set()


async def test_a_memory_is_found_as_it_was_added(storage: Storage, ann: AgentDefinition, ada: Participant) -> None:
    room = await open_room(storage, ada)
    full = a_memory(
        ann, ada, "trinkt Tee", timeline_id=room.id, message_id=new_id(), keywords=["お茶", "tea"], updated_at=at(1)
    )
    [plain, _] = await kept(storage, full, a_memory(ann, None, timeline_id=room.id))

    assert await storage.memories.get(ann.id, full.id) == full
    assert await storage.memories.page(agent_id=ann.id, limit=10) == [plain, full]
    assert await storage.memories.get((await added(storage, "Bo")).id, full.id) is None
    assert await storage.memories.get(ann.id, MemoryId("no\x00thing")) is None


async def test_pages_go_from_the_newest_on_and_may_be_about_one_person(
    storage: Storage, ann: AgentDefinition, ada: Participant, bob: Participant
) -> None:
    bo = await added(storage, "Bo")
    of_ada = await kept(storage, *[a_memory(who, ada) for who in (ann, bo, ann)])
    of_bob = await kept(storage, a_memory(ann, bob))
    page = storage.memories.page

    assert await page(limit=10) == of_bob + of_ada
    assert await page(about=ada.id, limit=2) == of_ada[:2]
    assert await page(about=ada.id, after=of_ada[1].id, limit=2) == of_ada[2:]
    assert await page(agent_id=ann.id, about=ada.id, limit=10) == [of_ada[0], of_ada[2]]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("tea", ["likes tea", "trinkt nichts"]),
        ("TEA likes", ["likes tea"]),
        ('"likes tea"', ["likes tea"]),
        ("tea -likes", ["trinkt nichts"]),
        ("strasse", ["wohnt in der Straße"]),
        ("お茶", ["お茶が好き"]),
        ("teapot", []),
        ("lik*", ["likes tea"]),
    ],
)
async def test_memories_are_searched_by_the_rules_of_messages(
    storage: Storage, ann: AgentDefinition, ada: Participant, typed: str, found: list[str]
) -> None:
    await kept(
        storage,
        a_memory(ann, ada, "お茶が好き"),
        a_memory(ann, ada, "wohnt in der Straße"),
        a_memory(ann, ada, "trinkt nichts", keywords=["tea"]),
        a_memory(ann, ada, "likes tea"),
        a_memory(ann, None, "tea, too"),
        a_memory(await added(storage, "Bo"), ada, "tea as well"),
    )

    memories = await storage.memories.search(ann.id, parse(typed), about=ada.id, limit=10)

    assert [memory.text for memory in memories] == found


async def test_a_search_is_paged_too(storage: Storage, ann: AgentDefinition, ada: Participant) -> None:
    memories = await kept(storage, *[a_memory(ann, ada) for _ in range(3)])

    first = await storage.memories.search(ann.id, parse("tea"), limit=2)
    rest = await storage.memories.search(ann.id, parse("tea"), after=first[-1].id, limit=2)

    assert (first, rest) == (memories[:2], memories[2:])


async def test_a_corrected_memory_is_found_by_its_new_words_only(
    storage: Storage, ann: AgentDefinition, ada: Participant
) -> None:
    [memory] = await kept(storage, a_memory(ann, ada, keywords=["drinks"]))
    change, search = storage.memories.change, storage.memories.search

    changed = await change(ann.id, memory.id, text="likes coffee", at=at(5))

    assert changed == replace(memory, text="likes coffee", updated_at=at(5))
    assert await storage.memories.get(ann.id, memory.id) == changed
    assert await search(ann.id, parse("tea"), limit=5) == []
    assert await search(ann.id, parse("coffee drinks"), limit=5) == [changed]
    assert await change(ann.id, memory.id, keywords=[], at=at(6)) == replace(
        memory, text="likes coffee", keywords=[], updated_at=at(6)
    )
    assert await change(ann.id, MemoryId(new_id()), text="nothing", at=at(7)) is None


async def test_what_is_forgotten_is_found_no_more(
    storage: Storage, ann: AgentDefinition, ada: Participant, bob: Participant
) -> None:
    bo = await added(storage, "Bo")
    [_, by_bo, second, first] = await kept(
        storage, a_memory(ann, ada), a_memory(ann, ada), a_memory(bo, ada), a_memory(ann, bob)
    )

    assert await storage.memories.remove(ann.id, first.id)
    assert not await storage.memories.remove(ann.id, first.id)
    assert not await storage.memories.remove(bo.id, second.id)
    assert await storage.memories.remove_about(ada.id, agent_id=ann.id) == 1
    assert await storage.memories.page(about=ada.id, limit=5) == [by_bo]
    assert await storage.memories.remove_about(ada.id) == 1

    assert len(await storage.memories.page(limit=5)) == 1
    assert len(await storage.memories.search(ann.id, parse("tea"), limit=5)) == 1


async def test_an_agent_remembers_so_much_of_a_person_and_of_a_place(
    storage: Storage, ann: AgentDefinition, ada: Participant, bob: Participant, room: Room
) -> None:
    other = await open_room(storage, bob)

    async def add(about: Participant | None, room: Room) -> Refusal | None:
        return await storage.memories.add(a_memory(ann, about, timeline_id=room.id), most=2)

    assert [await add(ada, room), await add(ada, other), await add(ada, room)] == [None, None, "full"]
    assert [await add(None, room), await add(None, room), await add(None, room)] == [None, None, "full"]
    assert [await add(bob, room), await add(None, other)] == [None, None]


async def test_memories_that_come_at_once_do_not_exceed_the_limit(connect: Connect) -> None:
    async with connect() as storage, connect() as other:
        ann = await added(storage)
        room = TimelineId(new_id())
        refused: list[Refusal | None] = []

        async def add(of: Storage) -> None:
            refused.append(await of.memories.add(a_memory(ann, None, timeline_id=room), most=3))

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(add, storage if number % 2 else other)

        assert refused.count(None) == len(await storage.memories.page(limit=10)) == 3


async def test_a_memory_goes_with_its_message_and_stays_when_that_is_edited(
    storage: Storage, ann: AgentDefinition, ada: Participant, room: Room
) -> None:
    first, second = a_message(room, 2, ada), a_message(room, 3, ada)
    claimed = await claim(storage, room)
    await append(storage, claimed, posted(first), posted(second))
    [of_second, _] = await kept(storage, *[a_memory(ann, ada, message_id=each.id) for each in (first, second)])

    gone = deleted(5, replace(first, text="", deleted_at=at(5)))
    await append(storage, claimed, edited(4, replace(second, text="oh")), gone)

    assert await storage.memories.page(limit=5) == [of_second]
    assert await storage.memories.search(ann.id, parse("tea"), limit=5) == [of_second]
    assert await storage.memories.add(a_memory(ann, ada, message_id=first.id), most=MANY) == "gone"


async def test_a_removed_agent_remembers_nothing(storage: Storage, ann: AgentDefinition, ada: Participant) -> None:
    bo = await added(storage, "Bo")
    [by_bo, _] = await kept(storage, a_memory(ann, ada), a_memory(bo, ada))

    await storage.agents.retire(ann.id)
    shown = await storage.memories.page(about=ada.id, limit=5)
    refused = await storage.memories.add(a_memory(ann, ada), most=MANY)
    await storage.agents.erase(ann.id)

    assert (shown, refused) == ([by_bo], "gone")
    assert await storage.memories.page(agent_id=ann.id, limit=5) == []
    assert await storage.memories.search(ann.id, parse("tea"), limit=5) == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    learned=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=8),
    asker=st.integers(1, 2),
    place=st.integers(1, 2),
    private=st.booleans(),
)
def test_a_circle_admits_what_its_place_and_its_asker_may_know(
    learned: list[tuple[int, int]], asker: int, place: int, *, private: bool
) -> None:
    """The law, told once more without the code's words: nobody hears what was learned where they may not read."""
    agent, person, timeline = ParticipantId("ann"), "person{}".format, "timeline{}".format
    circle = Circle(ParticipantId(person(asker)), TimelineId(timeline(place)), private)

    for about, where in learned:
        memory = Memory(
            id=MemoryId("m"),
            agent_id=agent,
            about=ParticipantId(person(about)) if about else None,
            timeline_id=TimelineId(timeline(where)) if where else None,
            message_id=None,
            text="x",
            created_at=NOON,
            updated_at=NOON,
        )
        readable = where == place or (private and about == asker)
        concerned = about in (0, asker)
        assert circle.admits(memory) == (readable and concerned)


@pytest.mark.parametrize("private", [True, False])
async def test_within_a_circle_is_what_it_admits(
    storage: Storage, ann: AgentDefinition, ada: Participant, bob: Participant, *, private: bool
) -> None:
    here, there = await open_room(storage, ada), await open_room(storage, ada)
    bo = await added(storage, "Bo")
    everything = await kept(
        storage,
        *[
            a_memory(agent, about, "Likes TEA!", timeline_id=None if where is None else where.id, keywords=["Drinks"])
            for agent in (ann, bo)
            for about in (ada, bob, None)
            for where in (here, there, None)
        ],
    )
    circle = Circle(ada.id, here.id, private)

    found = await storage.memories.within(ann.id, circle)

    assert [known.memory for known in found] == [
        each for each in everything if each.agent_id == ann.id and circle.admits(each)
    ]
    assert {known.words for known in found} == {"likes tea drinks"}
    assert len(found) == (4 if private else 2)
