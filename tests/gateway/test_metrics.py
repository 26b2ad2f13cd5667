"""What Prometheus is told, as it reads it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import PATH
from tests.gateway.realtime.test_socket import wire
from tests.support.rest import Caller, Client, Person

pytestmark = pytest.mark.anyio

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def figures(person: Person) -> Figures:
    """Every series with its value, as the client library of Prometheus reads them."""
    headers = {"Authorization": f"Bearer {person.token}", "Accept": "text/plain"}
    async with person.client.get(PATH, headers=headers) as response:
        assert response.status == 200, await response.text()
        families = text_string_to_metric_families(await response.text())
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }


def of(found: Figures, name: str, **labels: str) -> float:
    return found.get((f"gathering_{name}", frozenset(labels.items())), 0.0)


async def test_what_happens_is_counted(client: Client, root: Person, ada: Person) -> None:
    before = await figures(root)
    room = await ada.room()
    for number in range(3):
        await ada.say(room, f"hello {number}")
    assert (await ada.get(f"/rooms/{room}/no/such/thing")).status == 404
    async with wire(client) as socket:
        await socket.connect(ada)
        connected = await figures(root)
    after = await figures(root)

    posts = {"method": "POST", "route": "/api/v1/rooms/{room_id}/messages"}
    assert of(after, "http_requests_total", **posts, status="201") == 3
    assert of(after, "http_request_seconds_count", **posts) == 3
    assert of(after, "http_requests_total", method="GET", route="other", status="404") == 1
    assert of(after, "events_total", type="message.posted") - of(before, "events_total", type="message.posted") == 3
    assert of(connected, "connections") == of(connected, "people_connected") == 1
    assert of(after, "connections") == 0
    assert of(after, "actors", family="rooms") == 1
    assert of(after, "mailbox_messages", family="rooms") == 0
    assert of(after, "translations_total", outcome="asked") == 0
    assert any(name == "process_cpu_seconds_total" and value > 0 for (name, _), value in after.items())


async def test_methods_and_addresses_that_there_are_not_make_no_series(anyone: Caller, root: Person) -> None:
    for number in range(3):
        await anyone.call("GET", f"/nothing/{number}")
        async with anyone.client.request(f"INVENT{number}", "/api/v1/rooms") as response:
            assert response.status in {400, 404, 405}

    found = await figures(root)

    assert not [labels for name, labels in found if "INVENT" in str(labels) or "/nothing" in str(labels)]


async def test_figures_are_for_administrators(anyone: Caller, ada: Person) -> None:
    async with anyone.client.get(PATH) as response:
        assert response.status == 401
    async with ada.client.get(PATH, headers={"Authorization": f"Bearer {ada.token}"}) as response:
        assert response.status == 403


async def test_prometheus_gets_the_format_that_it_asks_for(client: Client, root: Person) -> None:
    key = (await root.post("/me/api-keys", {"name": "prometheus"})).body["key"]
    wanted = "application/openmetrics-text; version=1.0.0"

    async with client.get(PATH, headers={"Authorization": f"Bearer {key}", "Accept": wanted}) as response:
        body = await response.text()

    assert response.status == 200
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")
