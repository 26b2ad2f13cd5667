"""Export over HTTP: complete, for those who may, and ended in a way that can be seen."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import pytest

from engine.domain.messages import Message
from engine.engine import Engine
from engine.errors import StorageUnavailable
from engine.timelines import export
from tests.support.rest import Client, Person

pytestmark = pytest.mark.anyio


async def exported(client: Client, person: Person, room: str) -> tuple[Any, list[Any]]:
    headers = {"Authorization": f"Bearer {person.token}"}
    async with client.get(f"/api/v1/rooms/{room}/export?format=jsonl", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "application/x-ndjson"
        return response, [json.loads(line) for line in (await response.text()).splitlines()]


async def test_an_export_is_the_room_and_every_message_in_its_present_state(
    client: Client, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 3)
    room = await ada.room("Größe: the / Lobby")
    said = [await ada.say(room, f"line\n{number}") for number in range(8)]
    await ada.patch(f"/rooms/{room}/messages/{said[1]['id']}", {"text": "edited"})
    await ada.delete(f"/rooms/{room}/messages/{said[2]['id']}")

    response, lines = await exported(client, ada, room)

    described = (await ada.get(f"/rooms/{room}")).body
    messages = (await ada.get(f"/rooms/{room}/messages?limit=100")).body["items"]
    assert lines == [described, *reversed(messages)]
    assert [line["text"] for line in lines[2:4]] == ["edited", ""]
    disposition = response.headers["Content-Disposition"]
    assert disposition == f'attachment; filename="gr-e-the-lobby-{room[-12:]}.jsonl"'


async def test_an_export_of_an_empty_room_is_the_room(client: Client, ada: Person) -> None:
    room = await ada.room()

    _, lines = await exported(client, ada, room)

    assert lines == [(await ada.get(f"/rooms/{room}")).body]


async def test_owners_and_administrators_export(client: Client, ada: Person, bob: Person, root: Person) -> None:
    room, hidden = await ada.room(), await ada.room(visibility="private")
    await bob.post(f"/rooms/{room}/join")
    await ada.put(f"/rooms/{room}/members/{bob.id}", {"role": "moderator"})

    moderator, stranger = await bob.get(f"/rooms/{room}/export"), await bob.get(f"/rooms/{hidden}/export")

    assert (moderator.status, moderator.code) == (403, "forbidden")
    assert (stranger.status, stranger.code) == (404, "not_found")
    assert len((await exported(client, root, room))[1]) == 1


async def test_another_format_is_refused_by_name(ada: Person) -> None:
    answer = await ada.get(f"/rooms/{await ada.room()}/export?format=xml")

    assert (answer.status, answer.paths) == (422, ["format"])


def pages_that_fail(engine: Engine, monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let the database answer so many pages, then be away."""
    monkeypatch.setattr(export, "PAGE", 2)
    read: Callable[..., Any] = engine.storage.messages.page
    pages = 0

    async def page(*args: object, **options: object) -> Sequence[Message]:
        nonlocal pages
        pages += 1
        if pages > after:
            raise StorageUnavailable("the database is away")
        return await read(*args, **options)  # type: ignore[no-any-return]

    monkeypatch.setattr(engine.storage.messages, "page", page)


async def test_a_database_that_fails_midway_ends_the_export_with_an_error_line(
    client: Client, engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.room()
    for number in range(6):
        await ada.say(room, f"line {number}")
    pages_that_fail(engine, monkeypatch, after=2)

    _, lines = await exported(client, ada, room)

    assert [line.get("text") for line in lines[1:-1]] == [f"line {number}" for number in range(4)]
    assert (lines[-1]["error"]["code"], lines[-1]["error"]["status"]) == ("storage_unavailable", 503)


async def test_a_database_that_is_away_at_once_is_an_ordinary_problem(
    engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.room()
    pages_that_fail(engine, monkeypatch, after=0)

    answer = await ada.get(f"/rooms/{room}/export")

    assert (answer.status, answer.code) == (503, "storage_unavailable")


async def test_a_client_that_leaves_ends_the_reading(
    client: Client, engine: Engine, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.room()
    message = await ada.say(room, "x" * 4000)
    whole = await engine.storage.messages.page(message["timeline_id"], limit=1)
    read, finished = 0, anyio.Event()

    async def endless(*_: object, **__: object) -> Any:
        nonlocal read
        try:
            while True:
                read += 1
                await anyio.lowlevel.checkpoint()
                yield whole * 100
        finally:
            finished.set()

    monkeypatch.setattr("gateway.rest.export.messages_of", endless)

    headers = {"Authorization": f"Bearer {ada.token}"}
    async with client.get(f"/api/v1/rooms/{room}/export", headers=headers) as response:
        await response.content.readline()
        await anyio.wait_all_tasks_blocked()
        waiting = read
        await anyio.wait_all_tasks_blocked()
        assert read == waiting  # nobody takes it, so nothing more is read
        response.close()

    with anyio.fail_after(30):
        await finished.wait()


async def test_head_of_an_export_has_no_body(client: Client, ada: Person) -> None:
    room = await ada.room()

    async with client.head(
        f"/api/v1/rooms/{room}/export", headers={"Authorization": f"Bearer {ada.token}"}
    ) as response:
        assert (response.status, await response.read()) == (200, b"")
