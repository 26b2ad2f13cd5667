"""What connected people are told, and how often."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.inbox import MOST_COUNTED, NotificationKind
from engine.domain.messages import Draft, Translation
from engine.domain.people import Participant, Principal
from engine.engine import Engine
from engine.inbox.herald import GATHER, PATIENCE
from engine.timelines.commands import Post
from engine.timelines.translating import Addition, AddTranslations
from tests.engine.inbox.reading import (
    Device,
    a_device,
    a_private_conversation,
    a_while,
    disconnect,
    notifications,
    read,
    unread,
)
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, person, running, unavailable, watched

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def forgetful(storage: Interposed, ada: Principal, ben: Principal) -> AsyncIterator[tuple[Place, Device]]:
    """A room of Ada's that Ben has joined, of which three events are held in memory, and Ben's device."""
    async with running(storage, recent_events=3) as engine:
        yield await a_place(engine, ada, ben), await a_device(engine, ben)


async def test_a_post_changes_the_count_of_the_others_who_are_connected(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    adas, bens = await a_device(engine, ada), await a_device(engine, ben)

    await lobby.say(ada, "hello @Ben")
    await a_while()

    assert bens.of_type("unread") == [
        {"timeline_id": lobby.id, "kind": "room", "unread": 1, "mentions": 1, "last_read_offset": 2}
    ]
    assert adas.unread == []


async def test_who_is_on_the_way_comes_first_for_a_while(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    bens = await a_device(engine, ben)

    with engine.traffic.arriving():
        await lobby.say(ada, "hello")
        await anyio.sleep(GATHER + PATIENCE / 2)
        at_first = list(bens.unread)
        await anyio.sleep(PATIENCE)
        in_the_end = list(bens.unread)

    assert at_first == []
    assert in_the_end == [(1, 0, 2)]


async def test_reading_on_one_device_changes_the_count_on_the_others(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    phone, laptop = await a_device(engine, ben), await a_device(engine, ben, "laptop")
    await lobby.say(ada, "one", "two")
    await a_while()

    await read(lobby, ben, 3)
    await a_while()
    await read(lobby, ben, 4)
    await a_while()

    assert phone.unread == laptop.unread == [(2, 0, 2), (1, 0, 3), (0, 0, 4)]


async def test_edits_and_deletion_change_the_counts(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    bens = await a_device(engine, ben)
    one, two = await lobby.say(ada, "one", "two @Ben")
    await a_while()

    await lobby.edit(ada, one, "one @room")
    await a_while()
    await lobby.delete(ada, two)
    await a_while()

    assert bens.unread == [(2, 1, 2), (2, 2, 2), (1, 1, 2)]


async def test_who_joins_is_told_that_nothing_is_unread(
    engine: Engine, lobby: Place, ada: Principal, cleo: Principal
) -> None:
    cleos = await a_device(engine, cleo)
    await lobby.say(ada, "before")

    await lobby.join(cleo)
    await a_while()

    assert cleos.unread == [(0, 0, 4)]


async def test_counts_below_what_memory_holds_come_from_the_database(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with forgetful(storage, ada, ben) as (lobby, bens):
        await lobby.say(ada, *["text @Ben"] * 20)
        await a_while()
        await read(lobby, ben, 20)
        await lobby.say(ada, "text")
        await a_while()

    assert bens.unread == [(20, 20, 2), (3, 2, 20)]


async def test_the_database_counts_once_and_what_comes_is_added(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with forgetful(storage, ada, ben) as (lobby, bens):
        operations = watched(storage)
        await lobby.say(ada, *["text @Ben"] * 20)
        for _ in range(5):
            await a_while()
            await lobby.say(ada, "text")
            await lobby.say(ben, "my own")
        await a_while()

        assert operations.count("unread_in") == 1
        assert bens.unread == [(20 + number, 20, 2) for number in range(6)]


async def test_after_an_edit_or_a_deletion_the_database_counts_anew(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with forgetful(storage, ada, ben) as (lobby, bens):
        said = await lobby.say(ada, *["text"] * 20)
        await a_while()

        await lobby.edit(ada, said[0], "text @Ben")
        await a_while()
        await lobby.delete(ada, said[1])
        await lobby.say(ada, "text")
        await lobby.delete(ada, said[2])
        await a_while()

        assert bens.unread == [(20, 0, 2), (20, 1, 2), (19, 1, 2)]
        assert await unread(lobby, ben) == bens.unread[-1]


async def test_what_memory_lets_go_before_it_is_counted_is_counted_all_the_same(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with forgetful(storage, ada, ben) as (lobby, bens):
        said = await lobby.say(ada, "one", "two", "three")

        made = Translation("de", "etwas", "pseudo")
        additions = tuple(Addition(each.id, each.text, made, "en", each.id) for each in said)
        await lobby.ref.ask(AddTranslations(additions))  # three events that are no news for anybody's count
        told_too_soon = list(bens.unread)
        await a_while()

    assert told_too_soon == []
    assert bens.unread == [(3, 0, 2)]


async def test_a_thousand_members_and_a_hundred_posts_are_told_once_a_second_and_activate_nobody(
    storage: Interposed, engine: Engine, ada: Principal, ben: Principal
) -> None:
    lobby = await a_place(engine, ada, ben)
    guests = [
        Principal(Participant(ParticipantId(f"guest {number}"), ParticipantKind.USER, f"guest {number}"))
        for number in range(998)
    ]
    for guest in guests:
        await lobby.join(guest)
    await read(lobby, ben, 1000)
    bens = await a_device(engine, ben)
    operations = watched(storage)
    for _ in range(100):
        await lobby.say(ada, "news")
        await anyio.sleep(0.03)  # 3 seconds of virtual time
    await a_while()

    [people] = [node for node in engine.system.tree().children if node.path.endswith("/people")]
    assert [node.path.rsplit("/")[-1] for node in people.children] == [ben.id]
    assert bens.unread[-1][0] == 100
    assert len(bens.unread) <= 6
    assert operations.count("of") <= 6
    assert operations.count("unread_in") == operations.count("unread") == 0


async def test_timelines_that_are_due_together_cost_one_look_at_the_markers(
    storage: Interposed, engine: Engine, ada: Principal, ben: Principal
) -> None:
    places = [await a_place(engine, ada, ben) for _ in range(5)]
    bens = await a_device(engine, ben)
    await a_while()
    operations = watched(storage)
    for place in places:
        await place.say(ada, "news")
    await a_while()

    told = [(each["timeline_id"], each["unread"]) for each in bens.of_type("unread")]
    assert sorted(told) == sorted((place.id, 1) for place in places)
    assert operations.count("of") == 1


async def test_a_thousand_connected_members_each_hear_once_a_second_of_a_hundred_posts(
    storage: Interposed, engine: Engine, ada: Principal
) -> None:
    lobby = await a_place(engine, ada)
    people = [await person(storage, f"guest{number}") for number in range(1000)]
    devices = []
    for each in people:
        await lobby.join(each)
        devices.append(await a_device(engine, each))
        await read(lobby, each, 1)
    await a_while()
    for device in devices:
        device.publications.clear()

    for _ in range(100):
        await lobby.say(ada, "news")
        await anyio.sleep(0.03)  # 3 seconds of virtual time
    await a_while()

    assert {device.unread[-1][0] for device in devices} == {100}
    assert max(len(device.publications) for device in devices) <= 6


async def test_whoever_is_away_costs_nothing(
    storage: Interposed, engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    bens = await a_device(engine, ben)
    await lobby.say(ada, "one")
    await a_while()
    await disconnect(engine, ben)
    operations = watched(storage)
    await lobby.say(ada, "two")
    await a_while()

    assert bens.unread == [(1, 0, 2)]
    assert set(operations) <= {"append", "terms", "add", "due"}


async def test_who_can_count_no_further_is_told_once(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    await lobby.say(ada, *["text"] * (MOST_COUNTED + 5))
    bens = await a_device(engine, ben)

    for _ in range(3):
        await lobby.say(ada, "more")
        await a_while()

    assert bens.unread == [(MOST_COUNTED, 0, 2)]


async def test_counts_that_could_not_be_read_are_told_when_the_database_is_back(
    storage: Interposed, engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    bens = await a_device(engine, ben)

    async def only_writes(name: str, perform: Perform) -> object:
        return await (perform() if name == "append" else unavailable(name, perform))

    storage.meddle = only_writes
    await lobby.say(ada, "one @Ben")
    await a_while()
    assert bens.unread == []
    storage.meddle = lambda _name, perform: perform()
    await a_while()

    assert bens.unread == [(1, 1, 2)]
    assert len(bens.of_type("notification")) == 1


async def test_a_mention_an_answer_and_an_invitation_are_told_at_once(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal, cleo: Principal
) -> None:
    bens, cleos = await a_device(engine, ben), await a_device(engine, cleo)
    [question] = await lobby.say(ben, "who?")

    answer = (await lobby.post(ada, "me", reply_to=question.id)).message
    await lobby.put(ada, cleo.participant)
    naming = (await lobby.post(ada, "hello @Ben and @Ben")).message
    await a_while()

    stored = await notifications(engine, ben)
    assert [(each.kind, each.message_id) for each in stored] == [
        (NotificationKind.REPLY, answer.id),
        (NotificationKind.MENTION, naming.id),
    ]
    assert [each["notification"]["id"] for each in bens.of_type("notification")] == [each.id for each in stored]
    [invitation] = cleos.of_type("notification")
    assert invitation["notification"]["kind"] == "invitation"
    assert invitation["notification"]["actor"]["name"] == "Ada"
    assert await notifications(engine, ada) == []


async def test_a_private_conversation_tells_of_what_is_new_once_until_it_is_read(
    engine: Engine, ada: Principal, ben: Principal
) -> None:
    bens = await a_device(engine, ben)
    opened = await a_private_conversation(engine, ada, ben)
    talk = Place(engine, opened.conversation.id)
    talk_ref = engine.timelines.conversation(talk.id)

    async def say(text: str) -> None:
        await talk_ref.ask(Post(ada, Draft(text=text)))
        await a_while()

    await say("one")
    await say("two")
    await engine.inbox.read(talk_ref, ben, 4)
    await say("three")

    kinds = [each["notification"]["kind"] for each in bens.of_type("notification")]
    assert kinds == ["private_message", "private_message"]
    assert [each.kind for each in await notifications(engine, ben)] == ["invitation", *kinds]
    assert await unread(talk, ben) == (1, 0, 4)
    assert [each["kind"] for each in bens.of_type("unread")][-1] == "conversation"


async def test_notifications_are_read_up_to_one_or_all(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    await lobby.say(ada, "one @Ben", "two @Ben", "three @Ben")
    first, second, _ = await notifications(engine, ben)

    assert await engine.inbox.read_notifications(ben, second.id) == 1
    assert await engine.inbox.read_notifications(ben, first.id) == 1
    assert await engine.inbox.read_notifications(ben, None) == 0


async def test_reading_a_message_reads_its_notification(lobby: Place, ada: Principal, ben: Principal) -> None:
    await lobby.say(ada, "one @Ben", "two @Ben")

    await read(lobby, ben, 3)

    assert [each.read_at is None for each in await notifications(lobby.engine, ben)] == [False, True]
