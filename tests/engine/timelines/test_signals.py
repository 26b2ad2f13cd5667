"""Presence and typing in rooms and conversations: who is told, how often, and who may type."""

from collections import Counter
from datetime import timedelta
from typing import Any

import anyio
import msgspec
import pytest

from engine.accounts.forms import ProfileChanges
from engine.domain.fields import ConversationKind, Status
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, EngineError, Forbidden
from engine.timelines.attendance import LISTED
from engine.timelines.commands import (
    ArchiveRoom,
    BanMember,
    DescribeConversation,
    MuteMember,
    ReadMembers,
    SetTyping,
    Unsubscribe,
)
from engine.timelines.directory import NewConversation
from engine.timelines.typists import EXPIRY
from tests.engine.timelines.acting import Interposed, Listener, Place, a_place, person, running

pytestmark = pytest.mark.anyio

CROWD = 1000


def told(listener: Listener, kind: str) -> list[dict[str, Any]]:
    """The signals of a kind that a sink got, in order."""
    signals = [msgspec.json.decode(each.data) for each in listener.publications if each.offset is None]
    return [each for each in signals if each["type"] == kind]


def typing(listener: Listener) -> list[list[str]]:
    return [each["participants"] for each in told(listener, "typing")]


def presence(listener: Listener) -> list[tuple[str, str]]:
    return [(each["participant_id"], each["presence"]) for each in told(listener, "presence")]


async def type_in(place: Place, by: Principal, *, typing: bool = True) -> None:
    await place.ref.ask(SetTyping(by, typing))


async def connect(engine: Engine, who: Principal, client: str) -> None:
    engine.presence.connected(await engine.accounts.user(who.id), client)


# Presence


async def test_subscribers_hear_who_comes_who_is_busy_and_who_has_gone(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    listener, _ = await lobby.listen(ada)

    await connect(engine, ben, "phone")
    await connect(engine, ben, "laptop")
    await anyio.sleep(2)
    await engine.accounts.update_profile(ben.id, ProfileChanges(status=Status.BUSY))
    await anyio.sleep(2)
    engine.presence.disconnected(ben.id, "phone")
    await anyio.sleep(10)
    still = presence(listener)
    engine.presence.disconnected(ben.id, "laptop")
    await anyio.sleep(10)

    assert still == [(ben.id, "available"), (ben.id, "busy")]
    assert presence(listener) == [*still, (ben.id, "offline")]
    assert listener.offsets == []


async def test_who_reconnects_soon_is_not_announced(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    await connect(engine, ben, "phone")
    listener, _ = await lobby.listen(ada)

    for _ in range(5):
        engine.presence.disconnected(ben.id, "phone")
        await anyio.sleep(3)
        await connect(engine, ben, "phone")
        await anyio.sleep(3)

    assert presence(listener) == []


async def test_presence_is_announced_where_one_is_a_member_and_only_there(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal, cleo: Principal
) -> None:
    elsewhere = await a_place(engine, cleo)
    here, _ = await lobby.listen(ada)
    there, _ = await elsewhere.listen(cleo)

    await connect(engine, ben, "phone")
    await anyio.sleep(2)
    await lobby.leave(ben)
    await elsewhere.join(ben)
    await anyio.sleep(2)
    await engine.accounts.update_profile(ben.id, ProfileChanges(status=Status.AWAY))
    await anyio.sleep(2)

    assert presence(here) == [(ben.id, "available")]
    assert presence(there) == [(ben.id, "available"), (ben.id, "away")]


async def test_a_new_subscriber_is_shown_who_is_online_and_hears_what_changes_then(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal
) -> None:
    await connect(engine, ben, "phone")
    _, first = await lobby.listen(ada, client="first")
    await lobby.ref.ask(Unsubscribe("first"))
    await engine.accounts.update_profile(ben.id, ProfileChanges(status=Status.BUSY))

    listener, subscribed = await lobby.listen(ada)
    await anyio.sleep(2)

    assert first.live is not None
    assert subscribed.live is not None
    assert (first.live.online, first.live.presence) == (1, {ben.id: "available"})
    assert (subscribed.live.online, subscribed.live.presence) == (1, {ben.id: "busy"})
    assert presence(listener) == []


async def test_member_lists_show_presence(engine: Engine, lobby: Place, ada: Principal, ben: Principal) -> None:
    await connect(engine, ben, "phone")
    new = NewConversation(kind=ConversationKind.PRIVATE, participants=["Ben"])
    opened = await engine.timelines.create_conversation(ada, new, [await engine.accounts.user(ben.id)])

    members = {each.member.participant.name: each.presence for each in await lobby.ref.ask(ReadMembers(ada))}
    conversation = engine.timelines.conversation(opened.conversation.id)
    participants = (await conversation.ask(DescribeConversation(ada))).participants

    assert members == {"Ada": "offline", "Ben": "available"}
    assert {each.id: each.presence for each in participants} == {ada.id: "offline", ben.id: "available"}


async def test_a_room_without_subscribers_is_not_kept_awake_by_its_members(
    storage: Interposed, ada: Principal, ben: Principal
) -> None:
    async with running(storage, idle_passivation=20.0) as engine:
        lobby = await a_place(engine, ada, ben)
        await lobby.listen(ada, client="phone")
        await lobby.ref.ask(Unsubscribe("phone"))

        for _ in range(12):
            await connect(engine, ben, "phone")
            await anyio.sleep(2)
            engine.presence.disconnected(ben.id, "phone")
            await anyio.sleep(8)

        assert not any(each.path.endswith(lobby.id) for each in _walk(engine.system.tree()))
        assert not engine.presence._followings


def _walk(node: Any) -> list[Any]:
    return [node, *(each for child in node.children for each in _walk(child))]


async def test_a_thousand_come_and_go_and_each_subscriber_hears_a_few_summaries(
    engine: Engine, storage: Interposed, ada: Principal
) -> None:
    lobby = await a_place(engine, ada)
    crowd = [await person(storage, f"p{number}") for number in range(CROWD)]
    for each in crowd:
        await lobby.join(each)

    listeners = []
    began = anyio.current_time()
    for number, each in enumerate(crowd):
        await connect(engine, each, f"c{number}")
        listeners.append((await lobby.listen(each, client=f"c{number}"))[0])
        if not number % 100:
            await anyio.sleep(0.1)
    await anyio.sleep(3)
    seconds = anyio.current_time() - began
    for number in range(200):
        engine.presence.disconnected(crowd[number].id, f"c{number}")
        await lobby.ref.ask(Unsubscribe(f"c{number}"))
    await anyio.sleep(10)

    stays = listeners[-1]
    summaries = told(stays, "presence")
    pushes = Counter({number: len(each.came) + len(each.went) for number, each in enumerate(listeners)})
    signals = sum(len(told(each, "presence")) for each in listeners)
    assert pushes.total() <= 100 * 100  # among the first hundred, as in any small room
    assert all(count == 0 for number, count in pushes.items() if number >= 200)
    assert signals <= CROWD * (seconds + 10)
    assert summaries[-1]["online"] == CROWD - 200
    assert all(len(each["changes"]) <= LISTED for each in summaries)
    assert max(len(each.data) for each in stays.publications if each.offset is None) < 8192


# Typing


async def test_typing_is_seen_at_once_and_ends_by_itself(lobby: Place, ada: Principal, ben: Principal) -> None:
    listener, _ = await lobby.listen(ada)

    await type_in(lobby, ben)
    at_once = typing(listener)
    await anyio.sleep(EXPIRY + 0.1)

    assert at_once == [[ben.id]]
    assert typing(listener) == [[ben.id], []]
    assert listener.offsets == []


async def test_many_who_type_make_one_event_a_second(engine: Engine, storage: Interposed, ada: Principal) -> None:
    lobby = await a_place(engine, ada)
    crowd = [await person(storage, f"p{number}") for number in range(30)]
    for each in crowd:
        await lobby.join(each)
    listener, _ = await lobby.listen(ada)

    for _ in range(4):
        for each in crowd:
            await type_in(lobby, each)
            await anyio.sleep(0.05)

    events = told(listener, "typing")
    assert len(events) <= 1 + 4 * 30 * 0.05
    assert (len(events[-1]["participants"]), events[-1]["more"]) == (10, 20)


async def test_a_post_ends_typing_and_so_does_saying_so(lobby: Place, ada: Principal, ben: Principal) -> None:
    listener, _ = await lobby.listen(ada)

    await type_in(lobby, ben)
    await lobby.post(ben)
    _, after_post = await lobby.listen(ada, client="other")
    await anyio.sleep(2)
    await type_in(lobby, ben)
    await type_in(lobby, ben, typing=False)
    await anyio.sleep(2)

    assert after_post.live is not None
    assert after_post.live.typing == ()
    assert typing(listener) == [[ben.id], [], [ben.id], []]


async def test_typing_ends_with_the_last_client_and_with_the_membership(
    lobby: Place, ada: Principal, ben: Principal
) -> None:
    listener, _ = await lobby.listen(ada)
    await lobby.listen(ben, client="phone")
    await lobby.listen(ben, client="laptop")

    await type_in(lobby, ben)
    await lobby.ref.ask(Unsubscribe("phone"))
    await anyio.sleep(2)
    before = typing(listener)
    await lobby.ref.ask(Unsubscribe("laptop"))
    await anyio.sleep(2)
    await type_in(lobby, ben)
    await lobby.leave(ben)
    await anyio.sleep(2)

    assert before == [[ben.id]]
    assert typing(listener) == [[ben.id], [], [ben.id], []]


async def test_a_new_subscriber_is_shown_who_types(lobby: Place, ada: Principal, ben: Principal) -> None:
    await type_in(lobby, ben)

    _, subscribed = await lobby.listen(ada)

    assert subscribed.live is not None
    assert subscribed.live.typing == (ben.id,)


async def test_typing_is_not_recovered_and_leaves_the_log_alone(lobby: Place, ada: Principal, ben: Principal) -> None:
    _, before = await lobby.listen(ada)
    await type_in(lobby, ben)
    await anyio.sleep(10)

    _, after = await lobby.listen(ada, client="later")

    assert after.window.offset == before.window.offset
    assert len(await lobby.events(ada)) == before.window.offset


async def test_only_those_who_may_write_type(
    engine: Engine, lobby: Place, ada: Principal, ben: Principal, cleo: Principal
) -> None:
    until = engine.clock.now() + timedelta(hours=1)
    listener, _ = await lobby.listen(ada)

    async def refusal(by: Principal) -> type[EngineError] | None:
        try:
            await type_in(lobby, by)
        except EngineError as error:
            return type(error)
        return None

    stranger = await refusal(cleo)
    await lobby.ref.ask(MuteMember(ada, ben.id, until))
    muted = await refusal(ben)
    await lobby.ref.ask(BanMember(ada, ben.participant, None, None))
    banned = await refusal(ben)
    await lobby.ref.ask(ArchiveRoom(ada))
    archived = await refusal(ada)

    assert (stranger, muted, banned, archived) == (Forbidden, Forbidden, Forbidden, Conflict)
    assert typing(listener) == []


async def test_muting_and_archiving_end_typing(engine: Engine, lobby: Place, ada: Principal, ben: Principal) -> None:
    listener, _ = await lobby.listen(ada)
    await type_in(lobby, ben)
    await lobby.ref.ask(MuteMember(ada, ben.id, engine.clock.now() + timedelta(hours=1)))
    await anyio.sleep(2)
    await type_in(lobby, ada)
    await lobby.ref.ask(ArchiveRoom(ada))
    await anyio.sleep(2)

    assert typing(listener) == [[ben.id], [], [ada.id], []]
