"""Agents in programs of their own, against a real server that is killed and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio
import pytest

from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Visitor

pytestmark = pytest.mark.anyio


class Ears(Follower):
    """Hears ephemeral events too."""

    def __init__(self, room: str) -> None:
        super().__init__(room)
        self.events: list[dict[str, Any]] = []

    def take(self, publication: Mapping[str, Any]) -> None:
        super().take(publication)
        self.events.append(publication["data"])


@dataclass
class Stage:
    """A room with Ada and an agent for which a program speaks that can be started."""

    ada: Visitor
    room: str
    key: str
    agent_id: str

    @contextmanager
    def program(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "tests.support.counting_agent", self.ada.home.http]
        environment = {**os.environ, "GATHERING_API_KEY": self.key}
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGKILL)

    async def ask(self, text: str) -> str:
        posted = await self.ada.post(self.room, text)
        assert posted.status == 201, posted.body
        return str(posted.body["id"])

    async def answers(self) -> list[dict[str, Any]]:
        page = await self.ada.call("GET", f"/rooms/{self.room}/messages?limit=100")
        return [each for each in reversed(page.body["items"]) if "answer_id" in each]

    async def answered(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many answers are posted."""
        with anyio.fail_after(40):
            while len(found := await self.answers()) < count:  # noqa: ASYNC110 - another process has no event
                await anyio.sleep(0.1)
        return found

    async def streaming(self, length: int = 1) -> dict[str, Any]:
        """Wait for an answer in progress with some text; what a subscriber is shown of it."""
        with anyio.fail_after(40):
            while True:
                async with self.ada.connect() as wire:
                    shown = (await wire.ask(subscribe={"channel": f"room:{self.room}"}))["data"]["answers"]
                if shown and len(shown[0]["text"]) >= length:
                    return dict(shown[0])
                await anyio.sleep(0.05)


@pytest.fixture
async def stage(server: GatheringServer, sqlite_url: str) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as session:
        ada = await Visitor.register(session, server, "ada")
        root = await Visitor.register(session, server, "root")
        promote = [sys.executable, "-m", "gateway", "user", "promote", "root", "--database-url", sqlite_url]
        await anyio.run_process(promote)
        with anyio.fail_after(30):
            agent = await root.call("POST", "/agents", AGENT)
            while agent.status == 403:  # the server learns of it within two seconds
                await anyio.sleep(0.2)
                agent = await root.call("POST", "/agents", AGENT)
        assert agent.status == 201, agent.body
        agent_id = agent.body["id"]
        made = await root.call("POST", "/me/api-keys", {"name": "outside", "agent_id": agent_id})
        room = await ada.open_room()
        joined = await ada.call("PUT", f"/rooms/{room}/agents/{agent_id}")
        assert joined.status == 200, joined.body
        yield Stage(ada, room, made.body["key"], agent_id)


AGENT = {
    "name": "counter",
    "persona": "It counts.",
    "model": "external",
    "room_policy": "mention",
    "conversation_policy": "always",
    "daily_answers": 2,
}
"""As many answers a day as the tests wait for: what counted twice would not be given."""


def counted(to: int) -> str:
    return "".join(f" {number}" for number in range(1, to + 1))


async def test_a_program_answers_when_it_is_asked_and_streams(stage: Stage) -> None:
    with stage.program():
        await stage.ask("nobody is meant")
        question = await stage.ask("@counter count to 20")
        shown = await stage.streaming()
        (answer,) = await stage.answered()

    assert (shown["author"]["id"], shown["question"]) == (stage.agent_id, question)
    assert answer["text"].startswith(shown["text"])
    assert answer["text"] == f"ada in Lobby, 2 here, 2 said:{counted(20)}"
    assert (answer["author"]["kind"], answer["reply_to"], "partial" in answer) == ("agent", question, False)


async def test_who_does_not_want_an_answer_any_more_ends_it_in_the_program(stage: Stage) -> None:
    with stage.program():
        await stage.ask("@counter count to 1000")
        shown = await stage.streaming(60)
        stopped = await stage.ada.call("POST", f"/rooms/{stage.room}/answers/{shown['answer_id']}/cancel")
        (kept,) = await stage.answered()
        await stage.ask("@counter count to 3")
        _, next_one = await stage.answered(2)

    assert stopped.status == 204
    assert kept["partial"] is True
    assert kept["text"].startswith(shown["text"])
    assert next_one["text"].endswith(f":{counted(3)}")


async def test_an_agent_that_raises_fails_that_answer_and_goes_on(stage: Stage) -> None:
    with stage.program():
        await stage.ask("@counter count")
        (failed,) = await stage.answered()
        await stage.ask("@counter count to 2")
        _, next_one = await stage.answered(2)

    assert failed["partial"] is True
    assert next_one["text"].endswith(f":{counted(2)}")


async def test_an_answer_survives_a_server_that_is_killed_and_is_posted_once(stage: Stage) -> None:
    with stage.program():
        question = await stage.ask("@counter count to 60")
        await stage.streaming(60)
        stage.ada.home.kill()
        stage.ada.home.start()
        await stage.answered()
        await stage.ask("@counter count to 2")
        first, second = await stage.answered(2)

    assert (first["reply_to"], first["text"]) == (question, f"ada in Lobby, 2 here, 1 said:{counted(60)}")
    assert "partial" not in first
    assert second["text"].endswith(f":{counted(2)}")


async def test_a_server_that_is_stopped_ends_answers_with_an_event_and_keeps_them(stage: Stage) -> None:
    server = stage.ada.home
    with stage.program():
        await stage.ask("@counter count to 1000")
        await stage.streaming(60)
        async with stage.ada.connect() as wire:
            ears = Ears(stage.room)
            await ears.attach(wire)
            code = await anyio.to_thread.run_sync(server.stop)
            ended = await wire.ended()
        server.start()
        (kept,) = await stage.answered()
        async with stage.ada.connect() as wire:
            shown = (await wire.ask(subscribe={"channel": f"room:{stage.room}"}))["data"]["answers"]

    (failed,) = [each for each in ears.events if each["type"] == "answer.failed"]
    assert (code, ended, failed["code"]) == (0, 3001, "stopping")
    assert (kept["text"], kept["partial"]) == (failed["text"], True)
    assert shown == []


async def test_a_program_that_was_away_answers_what_was_asked_meanwhile_once(stage: Stage) -> None:
    await stage.ask("@counter count to 3")
    with stage.program():
        await stage.answered()

    with stage.program():
        await stage.ask("@counter count to 4")
        answers = await stage.answered(2)

    assert [each["text"].rpartition(":")[2] for each in answers] == [counted(3), counted(4)]


async def test_an_agent_that_was_sent_away_hears_no_more(stage: Stage) -> None:
    with stage.program() as process:
        await stage.ask("@counter count to 1")
        await stage.answered()
        removed = await stage.ada.call("DELETE", f"/rooms/{stage.room}/agents/{stage.agent_id}")
        await stage.ask("@counter count to 2")
        await anyio.sleep(1)
        still_runs = process.poll() is None
        answers = await stage.answers()

    assert removed.status == 204
    assert still_runs
    assert len(answers) == 1
