"""Presence and typing over real sockets: two devices of one person, and signals that a slow reader may miss."""

from typing import Any

import anyio
import pytest

from engine.domain.fields import Availability, ParticipantId
from engine.engine import Engine
from engine.settings import Settings
from gateway.realtime.settings import RealtimeSettings
from tests.gateway.realtime import scripted
from tests.gateway.realtime.scripted import publication
from tests.gateway.realtime.test_socket import Wire, until, wire
from tests.support.rest import Client, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Whoever goes is offline with the next sweep."""
    return settings.model_copy(update={"presence_grace": 0.0})


async def signal(wire: Wire, kind: str) -> dict[str, Any]:
    """The next signal of a kind, past everything else."""
    while True:
        pub = (await wire.next()).get("push", {}).get("pub", {})
        if pub.get("data", {}).get("type") == kind:
            assert "offset" not in pub
            return dict(pub["data"])


async def test_two_devices_of_one_person_are_one_presence(
    client: Client, engine: Engine, ada: Person, bob: Person
) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    bobs = ParticipantId(bob.id)

    async def shown() -> dict[str, str]:
        items = (await ada.get(f"/rooms/{room}/members")).body["items"]
        return {each["participant"]["name"]: each["presence"] for each in items}

    async with wire(client) as hers:
        await hers.connect(ada)
        await hers.ask(2, subscribe={"channel": f"room:{room}"})
        async with wire(client) as phone:
            await phone.connect(bob)
            came = await signal(hers, "presence")
            async with wire(client) as laptop:
                await laptop.connect(bob)
            await until(lambda: len(engine.presence._clients[bobs]) == 1)
            with_one = await shown()
            await phone.ask(2, rpc={"method": "set_status", "data": {"status": "away"}})
            away = await signal(hers, "presence")
        went = await signal(hers, "presence")
        with_none = await shown()

    assert [each["presence"] for each in (came, away, went)] == ["available", "away", "offline"]
    assert {each["participant_id"] for each in (came, away, went)} == {bob.id}
    assert with_one == {"ada": "available", "bob": "available"}
    assert with_none == {"ada": "available", "bob": "offline"}


async def test_who_is_connected_is_present_without_subscribing_anywhere(
    client: Client, engine: Engine, ada: Person
) -> None:
    async with wire(client) as hers:
        await hers.connect(ada)
        connected = engine.presence.of(ParticipantId(ada.id))

    assert connected is Availability.AVAILABLE
    await until(lambda: engine.presence.of(ParticipantId(ada.id)) is Availability.OFFLINE)


async def test_a_subscription_shows_who_is_online_and_who_types(client: Client, ada: Person, bob: Person) -> None:
    room = await ada.room()
    channel = f"room:{room}"
    await bob.post(f"/rooms/{room}/join")
    async with wire(client) as hers, wire(client) as his:
        await his.connect(bob)
        await his.ask(2, rpc={"method": "typing", "data": {"timeline": channel}})
        await hers.connect(ada)
        data = (await hers.ask(2, subscribe={"channel": channel}))["subscribe"]["data"]
        await his.ask(3, rpc={"method": "typing", "data": {"timeline": channel, "typing": False}})
        ended = await signal(hers, "typing")

    assert data["typing"] == [bob.id]
    assert (data["online"], data["presence"]) == (2, {ada.id: "available", bob.id: "available"})
    assert ended == {"type": "typing", "participants": []}


async def test_nobody_types_where_they_may_not_write(client: Client, ada: Person, eve: Person) -> None:
    room = await ada.room(visibility="private")
    async with wire(client) as hers:
        await hers.connect(eve)

        answers = [
            await hers.ask(number, rpc={"method": "typing", "data": data})
            for number, data in enumerate(
                (
                    {"timeline": f"room:{room}"},
                    {"timeline": f"user:{eve.id}"},
                    {"timeline": "nothing"},
                    {"timeline": f"room:{room}", "typing": "yes"},
                ),
                start=2,
            )
        ]

    assert [answer["error"]["code"] for answer in answers] == [103, 102, 102, 107]


async def test_participants_of_a_conversation_carry_their_presence(client: Client, ada: Person, bob: Person) -> None:
    created = await ada.post("/conversations", {"kind": "private", "participants": ["bob"]})
    async with wire(client) as his:
        await his.connect(bob)
        answer = await ada.get(f"/conversations/{created.body['id']}")

    people = {each["name"]: each["presence"] for each in answer.body["participants"]}
    assert people == {"ada": "offline", "bob": "available"}


async def test_a_slow_reader_misses_signals_and_stays_connected() -> None:
    async with anyio.create_task_group() as tasks:
        client = scripted.Client(tasks, RealtimeSettings(queue_bytes=2000))
        await client.connect()
        sink = await client.subscribe("room:1")

        for _ in range(100):
            sink.deliver(publication("room:1", None))
        sink.deliver(publication("room:1", 1))

        received = client.received()
        offsets = [each["push"]["pub"].get("offset") for each in received]
        assert 1 < len(received) < 100
        assert offsets == [*([None] * (len(received) - 1)), 1]
        assert client.closed is None
