"""Agents over real sockets: a streamed answer, and exactly one across a power cut."""

from typing import Any

import aiohttp
import anyio
import pytest

from tests.support.outside import PASSWORD, command
from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Visitor, Wire, until

pytestmark = pytest.mark.anyio

SLOW = {
    "name": "slow",
    "persona": "",
    "model": "python:slow",
    "room_policy": "mention",
    "conversation_policy": "always",
}


class Reader(Follower):
    """Follows a room, and hears what is said of answers."""

    def __init__(self, room: str) -> None:
        super().__init__(room)
        self.story: list[dict[str, Any]] = []
        """Everything, in order."""
        self.heard: list[dict[str, Any]] = []
        self.translated: list[dict[str, Any]] = []

    def take(self, publication: Any) -> None:
        """See `Follower.take`."""
        super().take(publication)
        self.story.append(publication["data"])
        if publication["data"]["type"].startswith("answer."):
            self.heard.append(publication["data"])
        elif publication["data"]["type"] == "message.translated":
            self.translated.append(publication["data"])

    def types(self) -> list[str]:
        """What has happened to answers, in order."""
        return [each["type"] for each in self.heard]


async def administrator(session: aiohttp.ClientSession, server: GatheringServer, database_url: str) -> Visitor:
    made = ("user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin")
    assert command(*made, said=PASSWORD, database_url=database_url).returncode == 0
    answer = await Visitor(session, server, "").call("POST", "/auth/login", {"login": "root", "password": PASSWORD})
    return Visitor(session, server, str(answer.body["access_token"]))


async def invite(root: Visitor, room: str, definition: dict[str, Any]) -> str:
    made = await root.call("POST", "/agents", definition)
    assert made.status == 201, made.body
    joined = await root.call("PUT", f"/rooms/{room}/agents/{made.body['id']}")
    assert joined.status == 200, joined.body
    return str(made.body["id"])


async def follow(wire: Wire, room: str) -> Reader:
    reader = Reader(room)
    await reader.attach(wire)
    return reader


async def test_a_question_is_answered_exactly_once_across_a_power_cut(
    sqlite_url: str, session: aiohttp.ClientSession
) -> None:
    with GatheringServer(sqlite_url, agents="tests.support.slow_agent:Slow") as server:
        root = await administrator(session, server, sqlite_url)
        room = await root.open_room()
        slow = await invite(root, room, SLOW)
        async with root.connect() as wire:
            reader = await follow(wire, room)
            await wire.post(room, "hello")
            asked = await wire.post(room, "slow, listen")
            await until(lambda: "answer.delta" in reader.types())
            server.kill()
        server.start()

        async def answers() -> list[dict[str, Any]]:
            events = await root.log(room)
            posted = [each["message"] for each in events if each["type"] == "message.posted"]
            return [each for each in posted if each["author"]["id"] == slow]

        with anyio.fail_after(60):
            while not await answers():  # noqa: ASYNC110 - in another process
                await anyio.sleep(0.1)
        async with root.connect() as wire:
            await wire.post(room, "slow, once more")
            with anyio.fail_after(60):
                while len(await answers()) < 2:  # noqa: ASYNC110 - in another process
                    await anyio.sleep(0.1)
        first, second = await answers()

    assert (first["reply_to"], first["text"]) == (asked["id"], "You said: slow, listen (2)")
    assert second["text"].startswith("You said: slow, once more")


async def test_the_archivist_streams_to_a_newcomer(sqlite_url: str, session: aiohttp.ClientSession) -> None:
    with GatheringServer(sqlite_url) as server:
        root = await administrator(session, server, sqlite_url)
        room = await root.open_room()
        konrad = await Visitor.register(session, server, "konrad")
        await konrad.join(room)
        await konrad.post(room, "The Z1 is stuck again, in the arithmetic unit.")
        await invite(root, room, {**SLOW, "name": "archivist", "model": "archivist"})
        newcomer = await Visitor.register(session, server, "newcomer")
        await newcomer.join(room)
        async with newcomer.connect() as wire:
            reader = await follow(wire, room)
            await wire.post(room, "@archivist what did konrad say about the Z1?")
            await until(lambda: "answer.completed" in reader.types())

    text = "".join(each["text"] for each in reader.heard if each["type"] == "answer.delta")
    assert reader.texts[-1] == text
    assert "konrad said about “z1” (1 message)" in text
    assert "stuck again" in text


async def test_an_answer_streams_as_it_is_written_and_is_then_read_in_the_language_of_who_asked(
    sqlite_url: str, session: aiohttp.ClientSession
) -> None:
    with GatheringServer(sqlite_url, translation_provider="pseudo") as server:
        root = await administrator(session, server, sqlite_url)
        room = await root.open_room()
        archivist = await invite(root, room, {**SLOW, "name": "archivist", "model": "archivist"})
        await root.post(room, "The Z1 is stuck again, in the arithmetic unit.")
        asker = await Visitor.register(session, server, "amelie")
        await asker.call("PATCH", "/me", {"language": "fr"})
        await asker.join(room)
        async with asker.connect() as wire:
            reader = await follow(wire, room)
            asked = await wire.post(room, "@archivist Z1")
            await until(lambda: any(each["actor"] == archivist for each in reader.translated))
        page = await asker.call("GET", f"/rooms/{room}/messages?language=fr")

    answer = next(each for each in page.body["items"] if each["author"]["id"] == archivist)
    live = [each for each in reader.translated if each["message_id"] == answer["id"]]
    assert (asked["language"], answer["language"], answer["reply_to"]) == ("fr", "en", asked["id"])
    assert "stuck again" in answer["text"]
    assert [(each["language"], each["text"]) for each in live] == [("fr", answer["translation"]["text"])]
    assert answer["translation"]["text"] != answer["text"]
    meanwhile = reader.story[: reader.story.index(live[0])]
    assert "".join(each["text"] for each in meanwhile if each["type"] == "answer.delta") == answer["text"]
    assert "answer.completed" in [each["type"] for each in meanwhile]
