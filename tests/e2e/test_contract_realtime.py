"""The contract of realtime and of the process, sentence by sentence, as its users see them: bare WebSockets, a command line."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.support.outside import PASSWORD, Outsider, Wire, command, frames, unused
from tests.support.server import GatheringServer, free_port

pytestmark = pytest.mark.anyio

NO_ONE = "01900000-0000-7000-8000-000000000000"
EVENT = {"type", "offset", "at", "actor"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    directory = tmp_path_factory.mktemp("contract")
    with GatheringServer(
        f"sqlite+aiosqlite:///{directory}/gathering.db", allowed_origins="https://chat.example.org"
    ) as server:
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    """A server whose access tokens live for three seconds, and which ends a connection without pongs after that.

    That is before it ends one without a new token, after six.
    """
    directory = tmp_path_factory.mktemp("hasty")
    settings = {"access_token_seconds": 3, "ping_interval": 2.25, "pong_timeout": 2.25}
    with GatheringServer(f"sqlite+aiosqlite:///{directory}/gathering.db", **settings) as server:
        yield server


@pytest.fixture
def spacious(tmp_path: Path) -> Iterator[GatheringServer]:
    """A server that takes commands at almost any rate, so that other limits are met."""
    with GatheringServer(f"sqlite+aiosqlite:///{tmp_path}/gathering.db", commands_burst=1000) as server:
        yield server


@pytest.fixture
def ada(server: GatheringServer) -> Outsider:
    return Outsider.register(server, "ada")


@pytest.fixture
def bob(server: GatheringServer) -> Outsider:
    return Outsider.register(server, "bob")


async def subscribed(wire: Wire, room: str, **more: object) -> dict[str, Any]:
    reply = await wire.ask(subscribe={"channel": f"room:{room}", **more})
    return dict(reply["subscribe"])


# -- connecting --------------------------------------------------------------------------------------------------------


async def test_connect_answers_with_everything_that_a_client_needs(server: GatheringServer, ada: Outsider) -> None:
    async with frames(server) as wire:
        reply = (await wire.ask(connect={"token": ada.token, "name": "js", "version": "5"}))["connect"]

    own = reply["subs"][f"user:{ada.id}"]
    assert reply["client"]
    assert (reply["version"], reply["ping"], reply["pong"], reply["expires"]) == ("gathering 1.0", 25, True, True)
    assert 890 < reply["ttl"] <= 900
    assert own["recoverable"] is True
    assert own["epoch"]
    assert own["offset"] == 0


@pytest.mark.parametrize(
    "token",
    [
        "made up",
        "a.b.c",
        "é",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwidHlwIjoiYWNjZXNzIiwiZXhwIjo5OTk5OTk5OTk5fQ.",
        "x" * 20_000,
    ],
)
async def test_a_token_that_is_not_ours_ends_the_connection_with_3500(server: GatheringServer, token: str) -> None:
    async with frames(server) as wire:
        assert await wire.ask(connect={"token": token}) == {"closed": 3500}


async def test_a_refresh_token_does_not_connect(server: GatheringServer, ada: Outsider) -> None:
    credentials = {"login": ada.user["username"], "password": PASSWORD}
    token = ada.post("/auth/login", credentials).body["refresh_token"]

    async with frames(server) as wire:
        assert await wire.ask(connect={"token": token}) == {"closed": 3500}


async def test_who_says_nothing_of_themselves_is_unauthorized(server: GatheringServer) -> None:
    async with frames(server) as wire:
        assert await wire.error(connect={}) == (101, "unauthorized")


@pytest.mark.parametrize("said", ["{bad", "[]", '{"id":1,"rpc":{"method":"post"}}', '{"connect":{"token":"x"}}'])
async def test_what_is_not_the_protocol_ends_the_connection_with_3501(server: GatheringServer, said: str) -> None:
    async with frames(server) as wire:
        await wire.send(said)

        assert await wire.next() == {"closed": 3501}


@pytest.mark.parametrize(
    ("origin", "connects"),
    [("{own}", True), ("https://chat.example.org", True), ("https://evil.example", False), ("null", False)],
)
async def test_cookies_connect_a_browser_from_an_allowed_origin_only(
    server: GatheringServer, ada: Outsider, origin: str, connects: bool
) -> None:
    headers = {"Cookie": f"access_token={ada.token}", "Origin": origin.format(own=server.http)}

    async with frames(server, headers=headers) as wire:
        reply = await wire.ask(connect={})

    assert ("connect" in reply) is connects


async def test_a_token_connects_from_everywhere(server: GatheringServer, ada: Outsider) -> None:
    async with frames(server, ada.token, headers={"Origin": "https://evil.example"}):
        pass


# -- subscribing -------------------------------------------------------------------------------------------------------


async def test_subscribing_answers_with_the_position_and_the_room(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    room = ada.room(bob)

    async with frames(server, ada.token) as wire:
        reply = await subscribed(wire, room, data={"language": "de"})
        again = await wire.error(subscribe={"channel": f"room:{room}"})

    assert (reply["recoverable"], reply["positioned"], reply["offset"]) == (True, True, 2)
    assert reply["epoch"]
    assert not reply.get("recovered")
    assert reply["data"].keys() == {"room", "members", "answers", "online", "presence", "typing"}
    assert reply["data"]["room"] == ada.get(f"/rooms/{room}").body
    assert [each["participant"]["id"] for each in reply["data"]["members"]] == [ada.id, bob.id]
    assert reply["data"]["answers"] == []
    assert again == (105, "already subscribed")


async def test_subscribing_needs_membership(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    public, private = ada.room(), ada.room(visibility="private")

    async with frames(server, bob.token) as wire:
        for room in (public, private):
            channel = f"room:{room}"
            assert await wire.error(subscribe={"channel": channel}) == (103, "permission denied")
            assert (await wire.error(history={"channel": channel, "limit": 1}))[0] == 103
            assert (await wire.error(presence={"channel": channel}))[0] == 103
            assert (await wire.error(publish={"channel": channel, "data": {"text": "x"}}))[0] == 103
            assert (await wire.rpc("post", timeline=channel, text="x"))["code"] == 103
        assert "member" in await wire.rpc("join", timeline=f"room:{public}")
        assert await subscribed(wire, public)


@pytest.mark.parametrize(
    "channel", ["", "room:", "room:tea", f"room:{NO_ONE}", "tea", f"user:{NO_ONE}", f"conversation:{NO_ONE}"]
)
async def test_a_channel_that_does_not_exist_is_unknown(server: GatheringServer, ada: Outsider, channel: str) -> None:
    async with frames(server, ada.token) as wire:
        assert await wire.error(subscribe={"channel": channel}) == (102, "unknown channel")


async def test_nobody_listens_to_somebody_elses_channel(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    async with frames(server, ada.token) as wire:
        assert (await wire.error(subscribe={"channel": f"user:{bob.id}"}))[0] in {102, 103}
        assert (await wire.error(history={"channel": f"user:{bob.id}", "limit": 1}))[0] in {102, 103}
        assert (await wire.error(subscribe={"channel": f"user:{ada.id}"}))[0] == 105


async def test_what_was_missed_is_replayed_from_the_position_that_the_client_names(
    server: GatheringServer, ada: Outsider
) -> None:
    room = ada.room()
    async with frames(server, ada.token) as wire:
        position = await subscribed(wire, room)
    said = [ada.say(room, str(number)) for number in range(3)]
    ada.delete(f"/rooms/{room}/messages/{said[0]['id']}")

    async with frames(server, ada.token) as wire:
        since = {"recover": True, "epoch": position["epoch"], "offset": position["offset"]}
        reply = await subscribed(wire, room, **since)

    assert (reply["was_recovering"], reply["recovered"], reply["offset"]) == (True, True, 5)
    assert [each["offset"] for each in reply["publications"]] == [2, 3, 4, 5]
    events = ada.get(f"/rooms/{room}/events?since=1").body["items"]
    assert [each["data"] for each in reply["publications"]] == events
    assert [event["message"]["text"] for event in events] == ["", "1", "2", ""]


@pytest.mark.parametrize("position", [{"epoch": "another", "offset": 1}, {"offset": 99_999}])
async def test_a_position_that_cannot_be_recovered_is_said_to_be_so(
    server: GatheringServer, ada: Outsider, position: dict[str, object]
) -> None:
    room = ada.room()

    async with frames(server, ada.token) as wire:
        epoch = (await subscribed(wire, room))["epoch"]
        await wire.ask(unsubscribe={"channel": f"room:{room}"})
        reply = await subscribed(wire, room, **({"recover": True, "epoch": epoch} | position))

    assert (reply["was_recovering"], reply["recovered"]) == (True, False)
    assert reply.get("publications", []) == []


async def test_losing_membership_ends_the_subscription_and_recovery_does_not_bring_it_back(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    room = ada.room(bob)

    async with frames(server, bob.token) as wire:
        position = await subscribed(wire, room)
        ada.delete(f"/rooms/{room}/members/{bob.id}")
        while "unsubscribe" not in (push := (await wire.next())["push"]):
            pass
        since = {"recover": True, "epoch": position["epoch"], "offset": position["offset"]}
        refused = await wire.error(subscribe={"channel": f"room:{room}", **since})

    assert push["channel"] == f"room:{room}"
    assert 2000 <= push["unsubscribe"]["code"] < 2500
    assert refused == (103, "permission denied")


async def test_unsubscribing_is_answered_and_ends_the_pushes(server: GatheringServer, ada: Outsider) -> None:
    room = ada.room()

    async with frames(server, ada.token) as wire:
        await subscribed(wire, room)
        first = await wire.ask(unsubscribe={"channel": f"room:{room}"})
        again = await wire.ask(unsubscribe={"channel": f"room:{room}"})
        ada.say(room)
        await wire.ask(ping={})

    assert first["unsubscribe"] == again["unsubscribe"] == {}
    assert wire.pushes == []


# -- pushes ------------------------------------------------------------------------------------------------------------


async def test_a_post_is_pushed_as_the_event_that_rest_gives_too(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    room = ada.room(bob)

    async with frames(server, ada.token) as hers, frames(server, bob.token) as his:
        await subscribed(hers, room)
        posted = await his.rpc("post", timeline=f"room:{room}", text="Hallo", client_id="c-1", language="de")
        again = await his.rpc("post", timeline=f"room:{room}", text="Hallo", client_id="c-1", language="de")
        push = await hers.event("message.posted")

    assert again == posted
    assert push == {"channel": f"room:{room}", "pub": {"offset": 3, "data": push["pub"]["data"]}}
    assert push["pub"]["data"].keys() == {*EVENT, "message"}
    assert push["pub"]["data"]["message"] == posted["message"] == ada.get(f"/rooms/{room}/messages").body["items"][0]
    assert [push["pub"]["data"]] == ada.get(f"/rooms/{room}/events?since=2").body["items"]


async def test_publishing_text_to_a_room_means_posting_it(server: GatheringServer, ada: Outsider) -> None:
    room = ada.room()

    async with frames(server, ada.token) as wire:
        await subscribed(wire, room)
        reply = await wire.ask(publish={"channel": f"room:{room}", "data": {"text": "Hallo"}})
        push = await wire.event("message.posted")

    assert reply["publish"] == {}
    assert push["pub"]["data"]["message"]["text"] == "Hallo"


async def test_who_comes_and_goes_is_pushed_and_counted(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    room = ada.room(bob)
    channel = f"room:{room}"

    async with frames(server, ada.token) as hers:
        await subscribed(hers, room)
        async with frames(server, bob.token) as his:
            await subscribed(his, room)
            joined = (await hers.next())["push"]
            present = (await hers.ask(presence={"channel": channel}))["presence"]["presence"]
            counted = (await hers.ask(presence_stats={"channel": channel}))["presence_stats"]
        left = (await hers.next())["push"]

    assert joined["channel"] == left["channel"] == channel
    assert joined["join"]["info"] == left["leave"]["info"]
    assert joined["join"]["info"].keys() == {"user", "client"}
    assert joined["join"]["info"]["user"] == bob.id
    assert {info["user"] for info in present.values()} == {ada.id, bob.id}
    assert all(info["client"] == client for client, info in present.items())
    assert counted == {"num_clients": 2, "num_users": 2}


async def test_who_is_added_to_a_room_is_told_on_their_own_channel(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    room = ada.room(visibility="private", name="Hideout")

    async with frames(server, bob.token) as wire:
        ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "member"})
        push = await wire.event("invited")

    assert push["channel"] == f"user:{bob.id}"
    assert push["pub"]["data"].items() >= {"timeline_id": room, "kind": "room", "name": "Hideout"}.items()
    assert push["pub"]["data"]["by"]["id"] == ada.id


async def test_every_change_of_a_room_is_pushed(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    room = ada.room()

    async with frames(server, ada.token) as wire:
        await subscribed(wire, room)
        bob.post(f"/rooms/{room}/join")
        message = bob.say(room)
        bob.patch(f"/rooms/{room}/messages/{message['id']}", {"text": "Hello!"})
        bob.delete(f"/rooms/{room}/messages/{message['id']}")
        ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})
        bob.post(f"/rooms/{room}/leave")
        ada.patch(f"/rooms/{room}", {"name": "Coffee"})
        ada.delete(f"/rooms/{room}")
        pushes: list[Any] = []
        while len(pushes) < 8:
            push = (await wire.next())["push"]
            if push["channel"] == f"room:{room}":  # on her own channel she hears of unread messages
                pushes.append(push["pub"])

    assert [push["data"]["type"] for push in pushes] == [
        *("member.joined", "message.posted", "message.edited", "message.deleted"),
        *("member.role_changed", "member.left", "room.updated", "room.archived"),
    ]
    assert [push["offset"] for push in pushes] == list(range(2, 10))
    assert all(push["offset"] == push["data"]["offset"] for push in pushes)


# -- commands ----------------------------------------------------------------------------------------------------------


async def test_the_methods_do_what_rest_does(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    room = ada.room()
    timeline = f"room:{room}"

    async with frames(server, bob.token) as wire:
        assert (await wire.rpc("join", timeline=timeline))["member"]["participant"]["id"] == bob.id
        first = (await wire.rpc("post", timeline=timeline, text="frist"))["message"]
        edited = (await wire.rpc("edit", timeline=timeline, message_id=first["id"], text="first"))["message"]
        history = await wire.rpc("history", timeline=timeline, limit=10)
        await wire.rpc("delete", timeline=timeline, message_id=first["id"])
        assert (await wire.rpc("set_status", status="busy"))["status"] == "busy"
        await wire.rpc("leave", timeline=timeline)

    assert history == {"items": [edited], "next_before": None}
    assert ada.get(f"/rooms/{room}/messages/{first['id']}").body["deleted_at"]
    assert bob.get("/me").body["status"] == "busy"
    assert len(ada.get(f"/rooms/{room}/members").body["items"]) == 1


async def test_history_walks_the_publications_of_a_channel(server: GatheringServer, ada: Outsider) -> None:
    room = ada.room()
    for number in range(4):
        ada.say(room, str(number))

    async with frames(server, ada.token) as wire:

        async def walk(**more: object) -> list[int]:
            result = (await wire.ask(history={"channel": f"room:{room}", **more}))["history"]
            assert (result["offset"], result["epoch"]) == (5, epoch)
            return [each["offset"] for each in result.get("publications", [])]

        epoch = (await subscribed(wire, room))["epoch"]
        assert await walk() == []
        assert await walk(limit=2) == [1, 2]
        assert await walk(limit=-1) == [1, 2, 3, 4, 5]
        assert await walk(limit=2, since={"offset": 2, "epoch": epoch}) == [3, 4]
        assert await walk(limit=2, reverse=True) == [5, 4]
        lost = {"channel": f"room:{room}", "limit": 1, "since": {"offset": 2, "epoch": "another"}}
        assert await wire.error(history=lost) == (112, "unrecoverable position")


async def test_a_bad_command_gets_its_error_and_the_connection_lives_on(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    room = ada.room(bob)
    timeline = f"room:{room}"
    hers = ada.say(room)["id"]
    bad: list[tuple[int, dict[str, Any]]] = [
        (104, {"rpc": {"method": "fly", "data": {}}}),
        (104, {"rpc": {"data": {}}}),
        (104, {"fly": {}}),
        (107, {"rpc": {"method": "post", "data": {"timeline": timeline, "text": "x", "bold": True}}}),
        (107, {"rpc": {"method": "post", "data": {"timeline": timeline, "text": 5}}}),
        (107, {"rpc": {"method": "post", "data": {"timeline": timeline, "text": ""}}}),
        (107, {"rpc": {"method": "post", "data": {"timeline": timeline, "text": "x" * 4001}}}),
        (107, {"rpc": {"method": "post", "data": []}}),
        (107, {"rpc": {"method": "post"}}),
        (107, {"rpc": {"method": "set_status", "data": {"status": "asleep"}}}),
        (107, {"subscribe": {"channel": 5}}),
        (107, {"publish": {"channel": timeline, "data": {"body": "x"}}}),
        (107, {"connect": {"token": bob.token}}),
        (102, {"rpc": {"method": "post", "data": {"timeline": f"room:{NO_ONE}", "text": "x"}}}),
        (103, {"rpc": {"method": "edit", "data": {"timeline": timeline, "message_id": hers, "text": "x"}}}),
        (103, {"publish": {"channel": f"user:{bob.id}", "data": {"text": "x"}}}),
        (404, {"rpc": {"method": "edit", "data": {"timeline": timeline, "message_id": NO_ONE, "text": "x"}}}),
        (108, {"sub_refresh": {"channel": timeline, "token": "x"}}),
    ]

    async with frames(server, bob.token) as wire:
        answers = [(await wire.ask(**asked))["error"]["code"] for _, asked in bad]

        assert answers == [code for code, _ in bad]
        assert "message" in await wire.rpc("post", timeline=timeline, text="still here")


async def test_an_error_of_ours_carries_the_problems_code(
    server: GatheringServer, ada: Outsider, bob: Outsider
) -> None:
    full, archived = ada.room(capacity=1), ada.room()
    ada.delete(f"/rooms/{archived}")

    async with frames(server, ada.token) as hers, frames(server, bob.token) as his:
        conflict = await hers.rpc("post", timeline=f"room:{archived}", text="x")
        room_full = await his.rpc("join", timeline=f"room:{full}")

    assert (conflict["message"], room_full["message"]) == ("conflict", "room_full")
    assert min(conflict["code"], room_full["code"]) >= 400


async def test_several_commands_may_stand_in_one_frame(server: GatheringServer, ada: Outsider) -> None:
    channel = f"room:{ada.room()}"

    async with frames(server) as wire:
        await wire.send(
            {"id": 1, "connect": {"token": ada.token}},
            {"id": 2, "subscribe": {"channel": channel}},
            {"id": 3, "rpc": {"method": "post", "data": {"timeline": channel, "text": "x"}}},
        )
        replies: list[dict[str, Any]] = []
        while len(replies) < 3:
            said = await wire.next()
            if "id" in said:
                replies.append(said)

    assert sorted(reply["id"] for reply in replies) == [1, 2, 3]
    assert not any("error" in reply for reply in replies)


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_a_frame_over_64_kib_ends_the_connection(server: GatheringServer, ada: Outsider) -> None:
    async with frames(server, ada.token) as wire:
        fits = {"id": 2, "rpc": {"method": "post", "data": {"text": "x" * 65_000}}}
        await wire.send(fits)
        assert (await wire.next())["error"]["code"] == 107
        await wire.send("x" * 65_537)

        assert (await wire.next())["closed"] in {1009, 3501}


async def test_a_connection_has_at_most_128_subscriptions(spacious: GatheringServer) -> None:
    ada = Outsider.register(spacious, "ada")
    rooms = [ada.room() for _ in range(129)]

    async with frames(spacious, ada.token) as wire:
        replies = [await wire.ask(subscribe={"channel": f"room:{room}"}) for room in rooms]

    assert all("subscribe" in reply for reply in replies[:128])
    assert replies[128]["error"] == {"code": 106, "message": "limit exceeded"}


async def test_commands_over_the_burst_are_refused_and_insisting_ends_the_connection(
    server: GatheringServer, ada: Outsider
) -> None:
    async with frames(server, ada.token) as wire:
        for number in range(400):
            await wire.send({"id": number + 2, "ping": {}})
        replies = []
        while "closed" not in (said := await wire.next()):
            replies.append(said)

    served, refused = replies[:59], replies[65:]
    assert all("ping" in reply for reply in served)
    assert {reply["error"]["code"] for reply in refused if "error" in reply} == {111}
    assert said == {"closed": 3013}


# -- the end of a connection -------------------------------------------------------------------------------------------


async def test_a_deactivated_person_is_disconnected_for_good_at_once(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/gathering.db"
    opened = command(
        *("user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin"),
        said=PASSWORD,
        database_url=database,
        argon2_memory_kib=8,
    )
    assert opened.returncode == 0, opened.stderr

    with GatheringServer(database) as server:
        root, ada = Outsider.sign_in(server, "root"), Outsider.register(server, "ada")
        async with frames(server, ada.token) as wire:
            root.patch(f"/admin/users/{ada.id}", {"active": False})

            assert 3500 <= (await wire.next())["closed"] < 4000
        async with frames(server) as wire:
            assert await wire.ask(connect={"token": ada.token}) == {"closed": 3500}


async def expired(who: Outsider) -> None:
    with anyio.fail_after(20):
        while (await anyio.to_thread.run_sync(who.get, "/me")).status != 401:  # noqa: ASYNC110 - another process's clock
            await anyio.sleep(0.05)


async def test_an_expired_token_is_told_apart_and_refreshed_in_place(hasty: GatheringServer) -> None:
    ada = Outsider.register(hasty, "ada")
    async with frames(hasty, ada.token) as wire:
        await expired(ada)

        assert await wire.error(refresh={"token": ada.token}) == (109, "token expired")
        fresh = Outsider.sign_in(hasty, ada.user["username"]).token
        reply = (await wire.ask(refresh={"token": fresh}))["refresh"]

        assert (reply["expires"], reply["ttl"]) == (True, 3)
    async with frames(hasty) as wire:
        assert await wire.error(connect={"token": ada.token}) == (109, "token expired")
    assert ada.get("/me").problem == (401, "unauthenticated")


async def test_credentials_that_are_not_refreshed_end_the_connection_with_3005(hasty: GatheringServer) -> None:
    async with frames(hasty, Outsider.register(hasty, "ada").token) as wire:
        assert await wire.next() == {"closed": 3005}


async def test_a_ping_without_a_pong_ends_the_connection_with_3012(hasty: GatheringServer) -> None:
    async with frames(hasty, Outsider.register(hasty, "ada").token) as wire:
        wire.pongs = False

        assert await wire.next() == {"closed": 3012}


async def test_somebody_elses_token_does_not_refresh(server: GatheringServer, ada: Outsider, bob: Outsider) -> None:
    async with frames(server, ada.token) as wire:
        assert await wire.ask(refresh={"token": bob.token}) == {"closed": 3500}


# -- the process -------------------------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A server that was configured by a file alone, with every setting of the contract."""
    config = tmp_path / "gathering.toml"
    config.write_text(
        f'database_url = "sqlite+aiosqlite:///{tmp_path}/gathering.db"\nhost = "127.0.0.1"\nport = {free_port()}\n'
        'secret_key = "a key for this test only, long enough"\nlog_level = "debug"\nlog_format = "json"\n'
        'allowed_origins = ["https://chat.example.org"]\nregistration = "closed"\nroom_creation = "admin"\n'
        'translation_provider = "pseudo"\ndeepl_auth_key = "x"\ndeepl_server_url = "http://127.0.0.1:1"\n'
        'chat_model = "openai:gpt-5-mini"\nchat_model_base_url = "http://127.0.0.1:1"\nchat_model_api_key = "x"\n'
        'embedding_model = "none"\navatar_url = "http://127.0.0.1:1"\n'
    )
    arguments = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()


async def test_a_server_prints_its_address_and_sigterm_ends_it_with_0(running: "subprocess.Popen[str]") -> None:
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if re.search(r"http://127\.0\.0\.1:\d+", line):
            break
    running.terminate()
    rest, _ = running.communicate(timeout=60)

    assert re.search(r"http://127\.0\.0\.1:\d+", lines[-1])
    assert running.returncode == 0
    assert all(json.loads(each)["event"] for each in [*lines, *rest.splitlines()])  # JSON was asked for


async def test_a_closed_server_opens_no_accounts_and_administrators_open_the_rooms(tmp_path: Path) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/gathering.db"
    for name, flags in (("root", ["--admin"]), ("ada", []), ("bob", [])):
        made = command(
            *("user", "create", "--username", name, "--email", f"{name}@example.org", "--password-stdin", *flags),
            said=f"{PASSWORD}\n",
            database_url=database,
            argon2_memory_kib=8,
        )
        assert made.returncode == 0, made.stderr
    promoted = [
        command("user", "promote", *arguments, database_url=database).returncode
        for arguments in (["ada"], ["--username", "ada"], ["ada@example.org"], [unused("nobody")])
    ]

    with GatheringServer(database, registration="closed", room_creation="admin") as server:
        person = {"email": "eve@example.org", "username": "eve", "password": PASSWORD}
        assert Outsider(server).post("/auth/register", person).problem == (403, "forbidden")
        assert Outsider.sign_in(server, "bob").post("/rooms", {"name": "x"}).problem == (403, "forbidden")
        assert Outsider.sign_in(server, "ada").room()
        assert Outsider.sign_in(server, "root").room()
    assert promoted == [0, 0, 0, 1]


async def test_the_settings_are_shown_without_their_secrets_flags_before_environment_before_file(
    tmp_path: Path,
) -> None:
    config = tmp_path / "gathering.toml"
    config.write_text('port = 9001\nhost = "127.0.0.2"\ndeepl_auth_key = "tell-nobody"\n')

    shown = command(
        *("config", "--config", str(config)),
        port=9002,
        secret_key="tell-nobody",
        chat_model_api_key="tell-nobody",
        database_url="postgresql+asyncpg://ada:tell-nobody@db/gathering",
    )

    assert shown.returncode == 0
    assert "9002" in shown.stdout
    assert "127.0.0.2" in shown.stdout
    assert "tell-nobody" not in shown.stdout + shown.stderr


async def test_a_secret_key_is_required_where_others_can_reach_the_server(tmp_path: Path) -> None:
    refused = command("serve", "--host", "0.0.0.0", "--database-url", f"sqlite+aiosqlite:///{tmp_path}/g.db")  # noqa: S104

    assert refused.returncode != 0
    assert "GATHERING_SECRET_KEY" in refused.stderr


async def test_migrate_prepares_a_database_and_may_be_repeated(tmp_path: Path) -> None:
    arguments = ["migrate", "--database-url", f"sqlite+aiosqlite:///{tmp_path}/deep/gathering.db"]

    assert [command(*arguments).returncode for _ in range(2)] == [0, 0]
    assert (tmp_path / "deep" / "gathering.db").exists()
