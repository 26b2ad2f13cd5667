"""API keys over both doors."""

from typing import Any

import anyio
import pytest

from engine.accounts.forms import AccountChanges
from engine.domain.fields import ParticipantId
from engine.engine import Engine
from tests.support.rest import Caller, Client, Person

pytestmark = pytest.mark.anyio


async def a_key(person: Person, name: str = "bot") -> dict[str, Any]:
    answer = await person.post("/me/api-keys", {"name": name})
    assert answer.status == 201, answer.body
    return dict(answer.body)


async def test_a_key_acts_for_its_owner_and_is_shown_once(client: Client, ada: Person):
    made = await a_key(ada)

    me = await Caller(client, made["key"]).get("/me")
    listed = (await ada.get("/me/api-keys")).body["items"]

    assert made["key"].startswith("gak_")
    assert me.body["id"] == ada.id
    assert [(key["id"], key["name"]) for key in listed] == [(made["id"], "bot")]
    assert listed[0]["last_used_at"] is not None
    assert "key" not in listed[0]


async def test_a_revoked_key_is_refused_at_once(client: Client, ada: Person, bob: Person):
    made = await a_key(ada)
    bot = Caller(client, made["key"])
    assert (await bot.get("/me")).status == 200

    assert (await bob.delete(f"/me/api-keys/{made['id']}")).status == 404
    assert (await ada.delete(f"/me/api-keys/{made['id']}")).status == 204

    assert (await bot.get("/me")).status == 401
    assert (await ada.delete(f"/me/api-keys/{made['id']}")).status == 404


async def test_a_key_of_someone_deactivated_is_refused(client: Client, engine: Engine, ada: Person):
    made = await a_key(ada)

    await engine.accounts.administrate(ParticipantId(ada.id), AccountChanges(active=False))

    assert (await Caller(client, made["key"]).get("/me")).status == 401


@pytest.mark.parametrize("forged", ["gak_", "gak_" + "x" * 43, "gak_" + "x" * 5000])
async def test_a_forged_key_is_refused(client: Client, forged: str):
    assert (await Caller(client, forged).get("/me")).status == 401


async def test_a_key_manages_no_keys_and_does_not_sign_out(client: Client, ada: Person):
    made = await a_key(ada)
    bot = Caller(client, made["key"])

    assert (await bot.post("/me/api-keys", {"name": "child"})).status == 403
    assert (await bot.get("/me/api-keys")).status == 403
    assert (await bot.delete(f"/me/api-keys/{made['id']}")).status == 403
    assert (await bot.post("/auth/logout")).status == 403


async def test_a_person_has_at_most_twenty_keys(ada: Person):
    for number in range(20):
        await a_key(ada, f"bot {number}")

    answer = await ada.post("/me/api-keys", {"name": "one more"})

    assert (answer.status, answer.code) == (409, "conflict")


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\x00b", None])
async def test_a_name_that_breaks_a_rule_is_named(ada: Person, name: object):
    answer = await ada.post("/me/api-keys", {"name": name})

    assert (answer.status, answer.paths) == (422, ["name"])


async def test_a_key_connects_without_an_end_and_its_revocation_ends_the_connection(client: Client, ada: Person):
    made = await a_key(ada)
    async with client.ws_connect("/connection/websocket") as socket:
        await socket.send_json({"id": 1, "connect": {"token": made["key"]}})
        connected = (await socket.receive_json())["connect"]

        await ada.delete(f"/me/api-keys/{made['id']}")
        with anyio.fail_after(20):
            await socket.receive()

    assert "expires" not in connected
    assert socket.close_code == 3500
