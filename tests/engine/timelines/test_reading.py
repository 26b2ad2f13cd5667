from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.testing import Simulation, simulate
from engine.domain.events import Event
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import NotFound
from engine.storage.memory import MemoryStorage
from tests.engine.timelines.acting import Interposed, Place, a_place, person, running, unavailable
from tests.storage.made import new_id

Action = tuple[str, int]

_actions = st.lists(
    st.tuples(st.sampled_from(["post", "post", "post", "edit", "delete", "join"]), st.integers(0, 30)), max_size=30
)
_offset = st.none() | st.integers(0, 40)


@settings(max_examples=150)
@given(
    actions=_actions,
    recent_events=st.integers(1, 12),
    asked=st.lists(st.tuples(_offset, _offset, st.integers(1, 8)), min_size=1, max_size=8),
    restart=st.booleans(),
)
def test_pages_of_messages_are_those_of_a_list(
    actions: list[Action], recent_events: int, asked: list[tuple[int | None, int | None, int]], restart: bool
):
    async def scenario(_: Simulation[None]) -> None:
        storage = MemoryStorage()
        ada = await person(storage, "Ada")
        async with running(storage, recent_events=recent_events) as engine:
            place = await a_place(engine, ada)
            model, _events = await perform(place, ada, storage, actions)
            if not restart:
                await compare(place, ada, model)
        if restart:
            async with running(storage, recent_events=recent_events) as engine:
                await compare(Place(engine, place.id), ada, model)

    async def compare(place: Place, ada: Principal, model: list[Message]) -> None:
        for before, after, limit in asked:
            page = await place.page(ada, before=before, after=after, limit=limit)
            assert page.items == expected_page(model, before, after, limit)

    simulate(scenario)


@settings(max_examples=100)
@given(actions=_actions, recent_events=st.integers(1, 12), limit=st.integers(1, 8))
def test_following_the_cursor_gives_every_message_once(actions: list[Action], recent_events: int, limit: int):
    async def scenario(_: Simulation[None]) -> None:
        storage = MemoryStorage()
        ada = await person(storage, "Ada")
        async with running(storage, recent_events=recent_events) as engine:
            place = await a_place(engine, ada)
            model, _events = await perform(place, ada, storage, actions)
            found: list[Message] = []
            page = await place.page(ada, limit=limit)
            found += page.items
            while page.next_before is not None:
                page = await place.page(ada, before=page.next_before, limit=limit)
                assert page.items
                found += page.items
        assert found == model[::-1]

    simulate(scenario)


@settings(max_examples=150)
@given(
    actions=_actions,
    recent_events=st.integers(1, 12),
    asked=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=8),
)
def test_events_since_an_offset_are_those_of_the_log(
    actions: list[Action], recent_events: int, asked: list[tuple[int, int]]
):
    async def scenario(_: Simulation[None]) -> None:
        storage = MemoryStorage()
        ada = await person(storage, "Ada")
        async with running(storage, recent_events=recent_events) as engine:
            place = await a_place(engine, ada)
            _model, events = await perform(place, ada, storage, actions)
            for since, limit in asked:
                found = await place.events(ada, since=since, limit=limit)
                assert found == [event for event in events if event.offset > since][:limit]

    simulate(scenario)


async def perform(
    place: Place, ada: Principal, storage: MemoryStorage, actions: list[Action]
) -> tuple[list[Message], list[Event]]:
    """Do it, and tell what a plain list would hold: every message in its present state, and every event."""
    messages: dict[str, Message] = {}
    for action, number in actions:
        chosen = list(messages.values())[number % len(messages)] if messages else None
        match action, chosen:
            case "edit", Message(deleted_at=None) as message:
                messages[message.id] = await place.edit(ada, message, f"edited {number}")
            case "delete", Message() as message:
                messages[message.id] = await place.delete(ada, message)
            case "join", _:
                await place.join(await person(storage, new_id()))
            case _:
                posted = (await place.post(ada, f"{number}")).message
                messages[posted.id] = posted
    return list(messages.values()), await storage.log.events(place.id, after=0, limit=1000)


def expected_page(model: list[Message], before: int | None, after: int | None, limit: int) -> list[Message]:
    held = [
        each for each in model if (before is None or each.offset < before) and (after is None or each.offset > after)
    ]
    forward = after is not None and before is None
    return (held[:limit] if forward else held[-limit:])[::-1]


pytestmark = [pytest.mark.anyio]


async def test_a_single_message_is_read_from_memory_or_from_the_table(storage: Interposed, ada: Principal):
    async with running(storage, recent_events=2) as engine:
        place = await a_place(engine, ada)
        messages = await place.say(ada, *"abcdef")

        found = [await engine.timelines.message(place.ref, ada, each.id) for each in messages]

    assert found == messages


@pytest.mark.parametrize("strange", [new_id(), "", "x" * 36, "\x00"], ids=["unused", "empty", "no id", "NUL"])
async def test_a_message_that_does_not_exist_is_not_found(engine: Engine, lobby: Place, ada: Principal, strange: Any):
    with pytest.raises(NotFound):
        await engine.timelines.message(lobby.ref, ada, strange)


async def test_a_negative_offset_reads_from_the_beginning(lobby: Place, ada: Principal):
    assert [each.offset for each in await lobby.events(ada, since=-5)] == [1, 2]


async def test_what_memory_holds_is_read_without_the_database(
    lobby: Place, ada: Principal, storage: Interposed, engine: Engine
):
    messages = await lobby.say(ada, *"abc")
    storage.meddle = unavailable

    assert (await lobby.page(ada, limit=2)).items == messages[:0:-1]
    assert (await lobby.page(ada)).items == messages[::-1]
    assert len(await lobby.events(ada)) == 5
    assert await engine.timelines.message(lobby.ref, ada, messages[0].id) == messages[0]


async def test_an_event_is_encoded_alike_in_the_log_and_for_subscribers(
    lobby: Place, ada: Principal, storage: Interposed
):
    listener, _ = await lobby.listen(ada)
    await lobby.say(ada, "hello \u2028 😀")

    [event] = await storage.log.events(lobby.id, after=2, limit=10)

    assert listener.publications[0].data == msgspec.json.encode(event)
