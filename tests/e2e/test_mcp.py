"""`gathering mcp`, started as a host starts it and used by the SDK's own client, against a real server."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.support.server import GatheringServer, free_port
from tests.support.visitors import Visitor

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ada(server: GatheringServer) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as session:
        yield await Visitor.register(session, server, "ada")


async def key_of(visitor: Visitor) -> str:
    made = await visitor.call("POST", "/me/api-keys", {"name": "for the host"})
    return str(made.body["key"])


@asynccontextmanager
async def host(address: str, key: str) -> AsyncIterator[Client]:
    environment = {**os.environ, "GATHERING_API_KEY": key}
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "gateway", "mcp", "--server", address], env=environment
    )
    async with Client(parameters) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        return " ".join(getattr(each, "text", "") for each in result.content)
    return result.structured_content


async def test_a_host_lists_reads_searches_and_posts_as_whom_the_key_speaks_for(
    server: GatheringServer, ada: Visitor
) -> None:
    ben = await Visitor.register(ada.session, server, "ben")
    room = await ben.open_room()
    await ben.post(room, "the kettle is on")

    async with host(server.http, await key_of(ada)) as client:
        tools = {each.name for each in (await client.list_tools()).tools}
        rooms = await call(client, "list_rooms", name="lob")
        timeline = rooms["items"][0]["timeline"]
        stranger = await call(client, "read_messages", timeline=timeline)
        await call(client, "join_room", timeline=timeline)
        read = await call(client, "read_messages", timeline=timeline)
        posted = await call(
            client,
            "post_message",
            timeline=timeline,
            text="for me too",
            reply_to=read["items"][0]["id"],
            client_id="c1",
        )
        again = await call(client, "post_message", timeline=timeline, text="for me too", client_id="c1")
        found = await call(client, "search_messages", words="kettle", timeline=timeline)
        everywhere = await call(client, "search_messages", words="kettle")

    assert tools >= {
        "list_rooms",
        "list_conversations",
        "read_messages",
        "search_messages",
        "post_message",
        "join_room",
    }
    assert timeline == f"room:{room}"
    assert "forbidden: join the room first" in stranger
    assert [(each["author"], each["text"]) for each in read["items"]] == [("ben", "the kettle is on")]
    assert (posted["author"], posted["reply_to"]) == ("ada", read["items"][0]["id"])
    assert again["id"] == posted["id"]
    assert found["items"] == everywhere["items"] == read["items"]
    assert await ben.texts(room) == ["the kettle is on", "for me too"]


async def test_conversations_are_listed_and_written_in(server: GatheringServer, ada: Visitor) -> None:
    ben = await Visitor.register(ada.session, server, "ben")
    opened = await ada.call("POST", "/conversations", {"kind": "private", "participants": ["ben"]})
    timeline = f"conversation:{opened.body['id']}"

    async with host(server.http, await key_of(ben)) as client:
        listed = await call(client, "list_conversations")
        await call(client, "post_message", timeline=timeline, text="hello")

    page = await ada.call("GET", f"/conversations/{opened.body['id']}/messages")
    assert [each["timeline"] for each in listed["items"]] == [timeline]
    assert [each["text"] for each in page.body["items"]] == ["hello"]


async def test_what_cannot_be_is_a_tools_error_in_the_servers_words(server: GatheringServer, ada: Visitor) -> None:
    room = await ada.open_room()

    async with host(server.http, await key_of(ada)) as client:
        nowhere = await call(client, "read_messages", timeline="lobby")
        nothing = await call(client, "post_message", timeline=f"room:{room}", text="  ")
        too_many = await call(client, "read_messages", timeline=f"room:{room}", limit=1000)

    assert "room:<id> or conversation:<id>" in nowhere
    assert "invalid_request: text" in nothing
    assert "100" in too_many


@pytest.mark.parametrize("wrong", ["key", "address"])
async def test_a_wrong_key_or_address_is_said_when_a_tool_is_used(
    server: GatheringServer, ada: Visitor, wrong: str
) -> None:
    key = "gak_of_nobody" if wrong == "key" else await key_of(ada)
    address = server.http if wrong == "key" else f"http://127.0.0.1:{free_port()}"

    async with host(address, key) as client:
        said = await call(client, "list_rooms")

    assert ("unauthenticated" if wrong == "key" else "does not answer") in said


def test_without_a_key_it_does_not_start() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GATHERING_API_KEY"}

    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "mcp"], env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr == "gathering: an API key is needed: GATHERING_API_KEY, or --api-key\n"
