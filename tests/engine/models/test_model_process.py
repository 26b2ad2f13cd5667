"""The process that reads models, when somebody kills it, stops it, or does not take what it says."""

import os
import signal
from contextlib import aclosing

import anyio
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from engine.agents.model_process.__main__ import giving_way
from engine.agents.models import ChatModel, FailureCode, ModelFailed, Text
from engine.processes import owner
from tests.engine.models.talking import AT_ONCE, OverThere, Talking, over_there, read, said, still
from tests.support import model_scripts as peer
from tests.support.model_server import ModelServer, Reply
from tests.support.scripted_model import ScriptedModel, prompt

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


async def test_killed_it_interrupts_the_answers_under_way_and_the_next_one_has_a_new_process(talking: Talking) -> None:
    async with talking(peer.stalls, peer.words("Hello")) as (models, server):
        (before,) = processes()
        async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
            assert await anext(pieces) == Text("Well, ")
            os.kill(before, signal.SIGKILL)
            with pytest.raises(ModelFailed) as failed:
                await anext(pieces)
        after = said(await read(models))

        assert failed.value.code is FailureCode.INTERRUPTED
        assert after == "Hello"
        assert processes().isdisjoint({before})
        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()


async def test_with_a_model_it_gives_way_to_the_server(there: OverThere) -> None:
    (pid,) = processes()

    await there.opener("openai:any")

    assert psutil.Process(pid).nice() > psutil.Process().nice()


async def test_it_gives_way_once_when_the_first_model_is_loaded() -> None:
    happened: list[str] = []

    async def load(name: str) -> ChatModel:
        if name == "none":
            raise ModelFailed(FailureCode.NOT_CONFIGURED, "there is no such model")
        happened.append(name)
        return ScriptedModel([])

    open_model = giving_way(load, lambda: happened.append("gives way"))
    with pytest.raises(ModelFailed):
        await open_model("none")
    for name in ("first", "second"):
        await open_model(name)

    assert happened == ["first", "gives way", "second"]


async def test_killed_before_the_first_word_it_is_asked_again(talking: Talking) -> None:
    async with talking(peer.hangs, peer.words("Hello")) as (models, server):
        answers: list[str] = []

        async def answer() -> None:
            answers.append(said(await read(models)))

        async with anyio.create_task_group() as group:
            group.start_soon(answer)
            await asked(server)
            (pid,) = processes()
            os.kill(pid, signal.SIGKILL)

        (status,) = models.status().models
        assert answers == ["Hello"]
        assert (status.requests, status.retries, status.failed) == (2, 1, {FailureCode.INTERRUPTED: 1})
        assert models.status().providers[0].breaker == "closed"  # the provider has done nothing wrong


async def test_a_provider_is_read_no_faster_than_its_words_are_taken(talking: Talking) -> None:
    written = 0

    async def floods(reply: Reply) -> None:
        nonlocal written
        while True:
            await reply.say("word " * 2_000)
            written += 10_000

    async with talking(floods) as (models, server):
        (pid,) = processes()
        resident = psutil.Process(pid).memory_info().rss
        async with aclosing(models.stream(None, prompt(), group="room:1")) as pieces:
            await anext(pieces)
            await still(lambda: written)
            grown = psutil.Process(pid).memory_info().rss - resident

        assert written < 40_000_000  # most of it in the kernel's buffers
        assert grown < 16_000_000
        with anyio.fail_after(AT_ONCE):
            await server.requests[0].closed.wait()


async def test_one_that_hangs_is_replaced_and_one_that_is_not_needed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "HEARTBEAT", 0.3)
    others = processes()
    async with over_there() as there:
        (hung,) = processes() - others
        os.kill(hung, signal.SIGSTOP)
        with anyio.fail_after(60.0):
            while not (replaced := processes() - others - {hung}):  # noqa: ASYNC110 - no event tells it
                await anyio.sleep(0.05)
        (family,) = there.system.tree().children
        assert [(each.path, each.restarts) for each in family.children] == [("over there/processes/1", 1)]

    assert processes() == others
    assert len(replaced) == 1


def processes() -> set[int]:
    """Those that read models for this one."""
    return {each.pid for each in psutil.Process().children() if "engine.agents.model_process" in each.cmdline()}


async def asked(server: ModelServer) -> None:
    with anyio.fail_after(30.0):
        while not server.requests:  # noqa: ASYNC110 - no event tells it
            await anyio.sleep(0.005)
