"""Health, as whoever runs the process asks for it."""

from typing import Any

import pytest

from engine.engine import Engine
from engine.errors import StorageUnavailable
from gateway.rest.health import LIFECYCLE, Lifecycle
from tests.support.rest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture
def lifecycle(client: Client) -> Lifecycle:
    assert client.app is not None
    return client.app[LIFECYCLE]


async def health(client: Client, path: str) -> tuple[int, Any]:
    async with client.get(path) as response:
        return response.status, await response.json()


async def test_a_running_server_is_alive(client: Client) -> None:
    assert await health(client, "/livez") == (200, {"status": "ok", "checks": {"actors": True}})


async def test_a_server_whose_actors_do_not_answer_is_not_alive(client: Client, engine: Engine) -> None:
    await engine.system.stop_child("canary")

    status, body = await health(client, "/livez")

    assert (status, body) == (503, {"status": "unavailable", "checks": {"actors": False}})


async def test_a_started_server_is_ready(client: Client) -> None:
    status, body = await health(client, "/readyz")

    assert (status, body) == (200, {"status": "ok", "checks": {"started": True, "not_draining": True, "storage": True}})


async def test_a_starting_server_is_not_ready(client: Client, lifecycle: Lifecycle) -> None:
    lifecycle.started = False

    status, body = await health(client, "/readyz")

    assert (status, body["status"], body["checks"]["started"]) == (503, "unavailable", False)


async def test_a_draining_server_is_alive_and_not_ready(client: Client, lifecycle: Lifecycle) -> None:
    lifecycle.draining = True

    ready, body = await health(client, "/readyz")

    assert (ready, body["checks"]["not_draining"]) == (503, False)
    assert (await health(client, "/livez"))[0] == 200


async def test_a_server_whose_database_is_away_is_not_ready(
    client: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ping() -> None:
        raise StorageUnavailable("the database does not answer")

    monkeypatch.setattr(engine.storage, "ping", ping)

    status, body = await health(client, "/readyz")

    assert (status, body["checks"]["storage"]) == (503, False)
