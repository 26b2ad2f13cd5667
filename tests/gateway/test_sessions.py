"""Where one is signed in, and signing out from elsewhere."""

from typing import Any

import anyio
import pytest

from tests.support.rest import PASSWORD, Caller, Client, Person

pytestmark = pytest.mark.anyio


async def sign_in_again(client: Client, person: Person, name: str) -> Caller:
    body = {"login": person.username, "password": PASSWORD}
    answer = await Caller(client).call("POST", "/auth/login", body, headers={"User-Agent": name})
    return Caller(client, answer.body["access_token"])


async def sessions(caller: Caller) -> list[dict[str, Any]]:
    answer = await caller.get("/me/sessions")
    assert answer.status == 200
    return list(answer.body["items"])


async def test_every_sign_in_is_listed_with_what_signed_in_and_the_own_one_marked(client: Client, ada: Person) -> None:
    phone = await sign_in_again(client, ada, "Phone/1.0\x80" + "x" * 300)

    seen_here, seen_there = await sessions(ada), await sessions(phone)

    assert [each["current"] for each in seen_here] == [False, True]
    assert [each["current"] for each in seen_there] == [True, False]
    assert seen_there[0]["client"].startswith("Phone/1.0x")
    assert len(seen_there[0]["client"]) == 256
    assert seen_there[0]["created_at"] == seen_there[0]["last_used_at"] < seen_there[0]["expires_at"]


async def test_a_sign_in_that_is_ended_elsewhere_is_refused_and_its_connections_end_at_once(
    client: Client, ada: Person
) -> None:
    phone = await sign_in_again(client, ada, "Phone/1.0")
    [listed] = [each for each in await sessions(ada) if each["client"] == "Phone/1.0"]
    async with client.ws_connect("/connection/websocket") as lost, client.ws_connect("/connection/websocket") as kept:
        for socket, token in ((lost, phone.token), (kept, ada.token)):
            await socket.send_json({"id": 1, "connect": {"token": token}})
            await socket.receive_json()

        assert (await ada.delete(f"/me/sessions/{listed['id']}")).status == 204
        with anyio.fail_after(20):
            await lost.receive()
            await kept.send_json({"id": 2, "rpc": {"method": "nothing", "data": {}}})
            while (await kept.receive_json()).get("id") != 2:
                pass

    assert lost.close_code == 3500
    assert (await phone.get("/me")).status == 401
    assert [each["current"] for each in await sessions(ada)] == [True]


async def test_signing_out_everywhere_else_leaves_this_one(client: Client, ada: Person, bob: Person) -> None:
    others = [await sign_in_again(client, ada, f"device {number}") for number in range(2)]

    assert (await ada.delete("/me/sessions")).status == 204

    assert [(await other.get("/me")).status for other in others] == [401, 401]
    assert [(await each.get("/me")).status for each in (ada, bob)] == [200, 200]
    assert [each["current"] for each in await sessions(ada)] == [True]


async def test_sign_ins_are_managed_by_their_owner_alone_and_not_by_a_key(
    client: Client, ada: Person, bob: Person, root: Person
) -> None:
    [mine] = await sessions(ada)
    key = (await ada.post("/me/api-keys", {"name": "bot"})).body["key"]
    bot = Caller(client, key)

    foreign = [(await each.delete(f"/me/sessions/{mine['id']}")).status for each in (bob, root)]
    refused = [
        (await bot.get("/me/sessions")).status,
        (await bot.delete("/me/sessions")).status,
        (await bot.delete(f"/me/sessions/{mine['id']}")).status,
    ]
    nobody = [(await Caller(client).get("/me/sessions")).status, (await Caller(client).delete("/me/sessions")).status]

    assert (foreign, refused, nobody) == ([404, 404], [403, 403, 403], [401, 401])
    assert (await ada.delete(f"/me/sessions/{mine['id']}")).status == 204
    assert (await ada.get("/me")).status == 401


async def test_a_browser_that_signs_out_ends_its_own_connections(client: Client, ada: Person) -> None:
    async with client.ws_connect("/connection/websocket") as socket:
        await socket.send_json({"id": 1, "connect": {"token": ada.token}})
        await socket.receive_json()

        await ada.post("/auth/logout")
        with anyio.fail_after(20):
            await socket.receive()

    assert socket.close_code == 3500
