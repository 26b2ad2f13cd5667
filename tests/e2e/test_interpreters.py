"""The process that translates, when somebody kills it or stops it, and when its server ends."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from time import perf_counter

import aiohttp
import anyio
import anyio.to_thread
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from tests.e2e.test_agents import Reader, administrator, follow
from tests.support.deepl_server import KEY, DeepLServer, Silence
from tests.support.deepl_server import Answer as DeepLAnswer
from tests.support.model_server import Reply
from tests.support.openai_server import OpenAIServer
from tests.support.server import GatheringServer
from tests.support.visitors import Visitor, until

pytestmark = pytest.mark.anyio

PATIENCE = 60.0


@pytest.fixture
def server(sqlite_url: str, deepl: DeepLServer) -> Iterator[GatheringServer]:
    with GatheringServer(sqlite_url, deepl_auth_key=KEY, deepl_server_url=deepl.url, commands_burst=1000) as server:
        yield server


def interpreters(server: GatheringServer) -> list[psutil.Process]:
    """The processes that translate for a server."""
    children = psutil.Process(server.pid).children()
    return [each for each in children if "engine.interpreting.process" in each.cmdline()]


@asynccontextmanager
async def reading(
    server: GatheringServer, session: aiohttp.ClientSession
) -> AsyncIterator[tuple[Visitor, str, Reader]]:
    """Ada, who writes English in a room, and Ben, who reads it in German."""
    ada, ben = await Visitor.register(session, server, "ada"), await Visitor.register(session, server, "ben")
    for visitor, language in ((ada, "en"), (ben, "de")):
        assert (await visitor.call("PATCH", "/me", {"language": language})).status == 200
    room = await ada.open_room(ben)
    async with ben.connect() as wire:
        yield ada, room, await follow(wire, room)


def heard(reader: Reader, said: list[str]) -> Callable[[], bool]:
    """Whether somebody has been told of the translations of these messages."""
    return lambda: sorted(each["message_id"] for each in reader.translated) == sorted(said)


async def test_killed_it_loses_no_translation_that_somebody_waits_for_and_no_post_fails(
    server: GatheringServer, deepl: DeepLServer, session: aiohttp.ClientSession
) -> None:
    async with reading(server, session) as (ada, room, bens):
        deepl.always = Silence()
        said = [(await ada.post(room, f"before {number}")).body["id"] for number in range(5)]
        await until(lambda: bool(deepl.requests), limit=PATIENCE)
        (first,) = interpreters(server)
        deepl.always = None
        first.send_signal(signal.SIGKILL)
        await until(heard(bens, said), limit=PATIENCE)  # nobody says anything meanwhile

        (second,) = interpreters(server)
        second.send_signal(signal.SIGKILL)
        answers = [await ada.post(room, f"meanwhile {number}") for number in range(20)]
        said += [each.body["id"] for each in answers]
        await until(heard(bens, said), limit=PATIENCE)

    assert [each.status for each in answers] == [201] * 20
    (third,) = interpreters(server)
    assert len({first.pid, second.pid, third.pid}) == 3


async def test_stopped_it_is_not_felt_by_who_posts_and_reads_and_goes_on_where_it_was(
    server: GatheringServer, session: aiohttp.ClientSession
) -> None:
    async with reading(server, session) as (ada, room, bens):
        (stopped,) = interpreters(server)
        os.kill(stopped.pid, signal.SIGSTOP)
        try:
            answers = [await ada.post(room, f"number {number}") for number in range(5)]
            began = perf_counter()
            page = await ada.call("GET", f"/rooms/{room}/messages?language=de")
            took = perf_counter() - began
            status = await (await administrator(session, server, server.database_url)).call("GET", "/admin/translation")
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        await until(heard(bens, [each.body["id"] for each in answers]), limit=PATIENCE)

    assert [each.status for each in answers] == [201] * 5
    assert page.status == 200
    assert [each["translation"] for each in page.body["items"]] == [None] * 5
    assert took < 3.0  # it waits for 0.1 s
    assert (status.status, status.code) == (503, "overloaded")
    assert int(status.headers["Retry-After"]) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="the policy is Linux's")
async def test_it_takes_no_core_from_anybody_once_it_has_found_some_to_spare(server: GatheringServer):
    (process,) = interpreters(server)

    def policies() -> set[int]:
        return {os.sched_getscheduler(each.id) for each in process.threads()}

    await until(lambda: policies() == {os.SCHED_IDLE}, limit=PATIENCE)
    assert os.sched_getscheduler(server.pid) == os.SCHED_OTHER


@pytest.mark.parametrize("end", [GatheringServer.stop, GatheringServer.kill])
async def test_it_ends_with_its_server(server: GatheringServer, end: Callable[[GatheringServer], object]) -> None:
    (process,) = interpreters(server)

    await anyio.to_thread.run_sync(end, server)

    with anyio.fail_after(PATIENCE):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - no event tells it
            await anyio.sleep(0.02)


async def test_a_chat_model_of_the_server_helps_out_when_the_quota_is_used_up(
    sqlite_url: str, deepl: DeepLServer, session: aiohttp.ClientSession
) -> None:
    async def translates(reply: Reply) -> None:
        said = reply.asked.body["messages"][-1]["content"]
        await reply.say(json.dumps({"source": "en", "text": said.replace("Good morning", "Guten Morgen")}))
        await reply.finish()

    deepl.always = DeepLAnswer(456)
    async with OpenAIServer([translates]) as provider:
        with GatheringServer(
            sqlite_url,
            deepl_auth_key=KEY,
            deepl_server_url=deepl.url,
            chat_model="openai:any",
            chat_model_base_url=provider.base_url,
        ) as server:
            async with reading(server, session) as (ada, room, bens):
                await ada.post(room, "Good morning")
                await until(lambda: bool(bens.translated), limit=PATIENCE)
            root = await administrator(session, server, sqlite_url)
            report = (await root.call("GET", "/admin/translation")).body["translators"]

    (told,) = bens.translated
    assert (told["text"], told["provider"]) == ("Guten Morgen", "chat_model")
    assert [(each["name"], each["state"]) for each in report["providers"]] == [
        ("deepl", "quota_exceeded"),
        ("chat_model", "ready"),
    ]
