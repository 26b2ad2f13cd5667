"""Models of a server that plays scripts: in a process of their own, as in production, or in this one."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, NamedTuple, Protocol

import anyio

from actors import ActorSystem
from engine.agents.langchain_models import open_langchain
from engine.agents.model_process.remote import open_process
from engine.agents.model_process.wire import Access
from engine.agents.models import Models, Piece, Prompt, Text
from engine.agents.models.models import Opener
from engine.agents.opening import access, open_models
from engine.clock import SystemClock
from engine.settings import LogFormat, LogLevel, Settings
from engine.traffic import Traffic
from tests.support.openai_server import OpenAIServer, Script
from tests.support.scripted_model import prompt

FIRST, BETWEEN, TOTAL = 0.6, 0.4, 1.2
"""The deadlines of these tests, in seconds."""


class OverThere(NamedTuple):
    """A provider, and the process that reads its models."""

    server: OpenAIServer
    opener: Opener
    system: ActorSystem


@asynccontextmanager
async def over_there() -> AsyncIterator[OverThere]:
    """Start both; the process has opened `openai:any`."""
    async with OpenAIServer() as server, ActorSystem("over there") as system:
        at = Access(provider="openai", base_url=server.base_url)
        async with open_process(
            system, at, Traffic(), log_level=LogLevel.ERROR, log_format=LogFormat.CONSOLE
        ) as opener:
            await opener("openai:any")
            yield OverThere(server, opener, system)


class Talking(Protocol):
    """Begins with these scripts, and these settings."""

    def __call__(
        self, *script: Script, **settings: Any
    ) -> AbstractAsyncContextManager[tuple[Models, OpenAIServer]]: ...


def talking_to(there: OverThere) -> Talking:
    """Models that are read in the process. Scripts, and what was asked of the server, are those of this test alone."""

    @asynccontextmanager
    async def talking(*script: Script, **settings: Any) -> AsyncIterator[tuple[Models, OpenAIServer]]:
        there.server.script[:] = script
        there.server.requests.clear()
        async with _models(there.server, there.opener, settings) as models:
            yield models, there.server

    return talking


@asynccontextmanager
async def talking_here(*script: Script, **settings: Any) -> AsyncIterator[tuple[Models, OpenAIServer]]:
    """Models that are read in this process, as the one for them does it."""
    async with OpenAIServer(script) as server:
        at = access(Settings(**_settings(server, settings)))
        async with open_langchain(at, SystemClock().now) as opener, _models(server, opener, settings) as models:
            yield models, server


@asynccontextmanager
async def _models(server: OpenAIServer, opener: Opener, settings: dict[str, Any]) -> AsyncIterator[Models]:
    async with ActorSystem("test") as system:
        given = Settings(**_settings(server, settings))
        async with open_models(system, given, Traffic(), seed=1, opener=opener) as models:
            await models.prepare()
            yield models
            await idle(models)


def _settings(server: OpenAIServer, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "chat_model": "openai:any",
        "chat_model_base_url": server.base_url,
        "chat_model_concurrency": 2,
        "chat_model_first_token_timeout": FIRST,
        "chat_model_between_tokens_timeout": BETWEEN,
        "chat_model_total_timeout": TOTAL,
        **settings,
    }


async def read(models: Models, asked: Prompt | None = None, model: str | None = None) -> list[Piece]:
    """All of an answer."""
    async with aclosing(models.stream(model, asked or prompt(), group="room:1")) as pieces:
        return [piece async for piece in pieces]


async def idle(models: Models) -> None:
    """Every worker is free again, and every connection accounted for."""
    with anyio.fail_after(2.0):
        while any(each.speaking + each.ending for each in models.status().providers):  # noqa: ASYNC110 - no event tells it
            await anyio.sleep(0.005)


def said(pieces: list[Piece]) -> str:
    """Their text."""
    return "".join([piece.text for piece in pieces if isinstance(piece, Text)])
