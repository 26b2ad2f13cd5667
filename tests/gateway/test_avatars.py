"""Avatars: from a service that may do anything, and drawn without it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from xml.etree import ElementTree as ET

import anyio
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.accounts import avatars as subject
from engine.accounts.avatars import LARGEST, Avatars, drawn, open_avatars
from tests.storage.made import a_user
from tests.support.rest import Client, Person

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n a picture"
Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(answer: Serve) -> AsyncIterator[Avatars]:
    """Avatars whose service answers like this."""
    app = web.Application()
    app.router.add_get("/{seed}", answer)
    async with (
        TestServer(app) as server,
        open_avatars(str(server.make_url("/")) + "{seed}", anyio.current_time) as found,
    ):
        yield found


async def test_the_picture_of_the_service_is_kept_and_asked_for_once():
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.match_info["seed"])
        return web.Response(body=PNG, content_type="image/png")

    user, found = a_user("ada"), []
    async with served(answer) as avatars:

        async def ask() -> None:
            found.append(await avatars.of(user))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)

    assert asked == [user.id]
    assert {(avatar.data, avatar.content_type) for avatar in found} == {(PNG, "image/png")}


async def failing(_request: web.Request) -> web.Response:
    return web.Response(status=500)


async def limited(_request: web.Request) -> web.Response:
    return web.Response(status=429, headers={"Retry-After": "1"})


async def elsewhere(_request: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:9/picture.png")


async def a_page(_request: web.Request) -> web.Response:
    return web.Response(text="<html>", content_type="text/html")


async def huge(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * (LARGEST + 1), content_type="image/png")


async def nothing(_request: web.Request) -> web.Response:
    return web.Response(content_type="image/png")


async def cut_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "image/png"})
    await response.prepare(request)
    await response.write(PNG)
    assert request.transport is not None
    request.transport.abort()
    return response


async def silent(_request: web.Request) -> web.Response:
    await anyio.sleep(60)
    return web.Response()


@pytest.mark.parametrize("answer", [failing, limited, elsewhere, a_page, huge, nothing, cut_off, silent])
async def test_whatever_the_service_does_there_is_a_picture(answer: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subject, "TIMEOUT", 2.0 if answer is silent else 30.0)
    asked = 0

    async def counted(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return await answer(request)

    user = a_user("ada")
    async with served(counted) as avatars:
        first, second = await avatars.of(user), await avatars.of(user)

    assert first.data == second.data == drawn(user).data
    assert asked == 1  # it is left alone for a while


@pytest.mark.parametrize("name", ["ada", "Ada Lovelace", "<script>", "花子", "&", "🎉 party", "a" * 64])
def test_a_drawn_picture_is_wellformed_and_the_same_every_time(name: str):
    user = a_user("ada", display_name=name)

    picture = drawn(user)

    assert ET.fromstring(picture.data).tag.endswith("svg")  # noqa: S314 - made here
    assert picture == drawn(user)


async def test_a_picture_is_served_inert_and_not_twice(client: Client, ada: Person, bob: Person):
    path = f"/api/v1/users/{bob.id}/avatar"
    headers = {"Authorization": f"Bearer {ada.token}"}

    async with client.get(path, headers=headers) as first:
        data = await first.read()
    async with client.get(path, headers={**headers, "If-None-Match": first.headers["ETag"]}) as second:
        again = await second.read()

    assert (first.status, first.content_type, data[:4]) == (200, "image/svg+xml", b"<svg")
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert (second.status, again, second.headers["ETag"]) == (304, b"", first.headers["ETag"])


async def test_there_is_no_picture_of_nobody(ada: Person):
    assert (await ada.get("/users/0190a000-0000-7000-8000-000000000000/avatar")).status == 404
