"""Webhooks over HTTP: who may have them, what is refused, and a receiver of one's own."""

from collections.abc import AsyncIterator

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.settings import Settings
from tests.support.rest import Person

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"
HOOK = {"url": "https://example.org/hook"}


class Receiver:
    """Answers with `status`, and keeps what it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[dict[str, object]] = []
        self.came = anyio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.came.set()
        return web.Response(status=self.status)

    async def next(self) -> dict[str, object]:
        with anyio.fail_after(30):
            await self.came.wait()
        self.came = anyio.Event()
        return self.bodies[-1]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"webhook_allow_private": True, "webhook_attempts": 1})


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def url(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/hook"))


async def test_the_secret_is_told_once(ada: Person) -> None:
    room = await ada.room()

    created = await ada.post(f"/rooms/{room}/webhooks", {**HOOK, "events": ["message.posted"], "description": "bot"})

    webhook = created.body["webhook"]
    assert created.status == 201
    assert created.body["secret"].startswith("whsec_")
    assert (webhook["url"], webhook["events"], webhook["active"]) == (HOOK["url"], ["message.posted"], True)
    listed = await ada.get(f"/rooms/{room}/webhooks")
    single = await ada.get(f"/rooms/{room}/webhooks/{webhook['id']}")
    assert listed.body == {"items": [webhook], "next": None}
    assert single.body == webhook
    assert "whsec_" not in str(listed.body)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "url"),
        ({"url": "ftp://example.org"}, "url"),
        ({"url": "https://a:b@example.org"}, "url"),
        ({"url": "https://example.org/" + "x" * 2048}, "url"),
        ({**HOOK, "events": ["nonsense"]}, "events.0"),
        ({**HOOK, "description": "x" * 201}, "description"),
        ({**HOOK, "secret": "mine"}, "secret"),
    ],
)
async def test_what_breaks_a_rule_names_the_field(ada: Person, body: dict[str, object], path: str) -> None:
    answer = await ada.post(f"/rooms/{await ada.room()}/webhooks", body)

    assert (answer.status, answer.paths) == (422, [path])


async def test_only_owners_and_administrators_see_a_rooms_webhooks(ada: Person, bob: Person, root: Person) -> None:
    room = await ada.room()
    await bob.post(f"/rooms/{room}/join")
    hook = (await root.post(f"/rooms/{room}/webhooks", HOOK)).body["webhook"]["id"]
    path = f"/rooms/{room}/webhooks"

    answers = [
        await bob.get(path),
        await bob.post(path, HOOK),
        await bob.get(f"{path}/{hook}"),
        await bob.patch(f"{path}/{hook}", {"active": False}),
        await bob.delete(f"{path}/{hook}"),
        await bob.post(f"{path}/{hook}/test"),
        await bob.get(f"{path}/{hook}/deliveries"),
        await bob.get(f"{path}/{hook}/dead-letters"),
        await bob.post(f"{path}/{hook}/dead-letters/msg_1/retry"),
        await bob.delete(f"{path}/{hook}/dead-letters/msg_1"),
    ]

    assert {answer.status for answer in answers} == {403}
    assert (await ada.get(path)).status == 200


async def test_what_does_not_exist_is_not_found(ada: Person) -> None:
    room, other = await ada.room(), await ada.room()
    hook = (await ada.post(f"/rooms/{other}/webhooks", HOOK)).body["webhook"]["id"]

    for path in (f"/rooms/{room}/webhooks/{hook}", f"/rooms/{room}/webhooks/{NOWHERE}", f"/rooms/{NOWHERE}/webhooks/x"):
        assert (await ada.get(path)).status == 404
        assert (await ada.patch(path, {"active": False})).status == 404
        assert (await ada.delete(path)).status == 404
        assert (await ada.get(f"{path}/deliveries")).status == 404
    for delivery in ("x", f"msg_{hook.replace('-', '')}_1"):
        path = f"/rooms/{other}/webhooks/{hook}/dead-letters/{delivery}"
        assert (await ada.post(f"{path}/retry")).status == 404
        assert (await ada.delete(path)).status == 404


async def test_an_archived_room_takes_no_webhook(ada: Person) -> None:
    room = await ada.room()
    await ada.delete(f"/rooms/{room}")

    answer = await ada.post(f"/rooms/{room}/webhooks", HOOK)

    assert (answer.status, answer.code) == (409, "conflict")


async def test_a_webhook_is_changed_and_removed(ada: Person) -> None:
    room = await ada.room()
    path = f"/rooms/{room}/webhooks/{(await ada.post(f'/rooms/{room}/webhooks', HOOK)).body['webhook']['id']}"

    changed = await ada.patch(path, {"active": False, "description": "asleep"})
    refused = await ada.patch(path, {"url": "gopher://example.org"})

    assert (changed.status, changed.body["active"], changed.body["description"]) == (200, False, "asleep")
    assert (refused.status, refused.paths) == (422, ["url"])
    assert (await ada.delete(path)).status == 204
    assert (await ada.get(path)).status == 404


async def test_a_ping_and_a_post_reach_the_receiver(ada: Person, receiver: Receiver, url: str) -> None:
    room = await ada.room()
    hook = (await ada.post(f"/rooms/{room}/webhooks", {"url": url})).body["webhook"]["id"]

    pinged = await ada.post(f"/rooms/{room}/webhooks/{hook}/test")
    ping = await receiver.next()
    message = await ada.say(room, "hello")
    told = await receiver.next()

    assert (pinged.status, pinged.body["delivered"], pinged.body["status_code"]) == (200, True, 200)
    assert (ping["type"], ping["timeline_id"]) == ("ping", room)
    assert told["type"] == "message.posted"
    assert told["event"] == (await ada.get(f"/rooms/{room}/events?since={message['offset'] - 1}")).body["items"][0]


async def test_a_dead_letter_is_listed_and_retried(ada: Person, receiver: Receiver, url: str) -> None:
    room = await ada.room()
    receiver.status = 500
    hook = (await ada.post(f"/rooms/{room}/webhooks", {"url": url})).body["webhook"]["id"]
    path = f"/rooms/{room}/webhooks/{hook}"
    await ada.say(room, "hello")
    await receiver.next()
    with anyio.fail_after(30):
        while not (dead := (await ada.get(f"{path}/dead-letters")).body["items"]):  # noqa: ASYNC110 - seen over HTTP alone
            await anyio.sleep(0.02)

    failed = await ada.post(f"{path}/dead-letters/{dead[0]['id']}/retry")
    receiver.status = 200
    taken = await ada.post(f"{path}/dead-letters/{dead[0]['id']}/retry")

    assert (dead[0]["state"], dead[0]["status_code"], dead[0]["error"]) == ("dead", 500, "answered 500")
    assert (failed.body["state"], failed.body["attempts"]) == ("dead", 2)
    assert (taken.body["state"], taken.body["attempts"], taken.body["error"]) == ("delivered", 3, None)
    assert (await ada.get(f"{path}/dead-letters")).body == {"items": [], "next_before": None}
    assert (await ada.get(f"{path}/deliveries")).body["items"] == [taken.body]
    assert len({body["id"] for body in receiver.bodies}) == 1
