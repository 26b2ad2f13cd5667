"""The description that the server carries with it."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.app import ENDPOINTS
from gateway.rest.endpoints import Access
from tests.support.rest import Client

pytestmark = pytest.mark.anyio


async def test_the_document_is_valid_openapi(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as response:
        document = await response.json()

    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


async def test_every_endpoint_is_described_with_its_answers_and_problems(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as response:
        document = await response.json()

    for endpoint in ENDPOINTS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        responses = operation["responses"]
        assert operation["summary"], endpoint.path
        assert {str(status) for status in endpoint.statuses} <= responses.keys()
        assert "application/problem+json" in responses["500"]["content"]
        assert ("security" in operation) == (endpoint.access is not Access.PUBLIC)


async def test_a_stream_is_described_event_by_event(client: Client) -> None:
    async with client.get("/api/v1/openapi.json") as response:
        document = await response.json()

    answer = document["paths"]["/api/v1/rooms/{room_id}/stream"]["get"]["responses"]["200"]
    event = answer["content"]["text/event-stream"]["schema"]["properties"]
    kinds = {
        choice["$ref"].rpartition("/")[2] for choice in event["data"]["contentSchema"]["anyOf"] if "$ref" in choice
    }
    assert event["data"]["contentMediaType"] == "application/json"
    assert kinds >= {"Typing", "PresenceChanged", "Reset", "End"}
    assert kinds <= document["components"]["schemas"].keys()


async def test_operations_have_names_of_their_own() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]

    assert len(names) == len(set(names))


async def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    async with client.get("/api/docs") as response:
        page = await response.text()

    addresses = re.findall(r"""(?:src|href)=['"]?([^'" >]+)""", page)
    assert response.content_type == "text/html"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert all(address.startswith(("#", "/")) for address in addresses)
    assert "/api/v1/rooms/{room_id}/messages" in page


async def test_every_link_on_the_page_leads_somewhere(client: Client) -> None:
    async with client.get("/api/docs") as response:
        page = await response.text()

    targets = set(re.findall(r"""id=['"]?([^'" >]+)""", page))
    links = set(re.findall(r"""href='#([^']+)'""", page))
    assert links <= targets
