"""Chat models by name, through LangChain, which is loaded by the first of them and not before."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from engine.agents.model_process.wire import Access
from engine.agents.models.models import Opener, provider_of
from engine.agents.models.prompt import ChatModel

if TYPE_CHECKING:
    from engine.agents.langchain import LangChainModel

FAREWELL = 1.0
"""Seconds for closing connections that nobody uses any more."""


@asynccontextmanager
async def open_langchain(access: Access, now: Callable[[], datetime]) -> AsyncIterator[Opener]:
    """Makes models by name, each once, and closes them with the block."""
    opened: dict[str, LangChainModel] = {}
    opening = anyio.Lock()

    async def open_model(name: str) -> ChatModel:
        if name in opened:
            return opened[name]
        async with opening:
            if name not in opened:
                own = provider_of(name) == access.provider
                make = partial(
                    _make,
                    name,
                    base_url=access.base_url if own else None,
                    api_key=access.api_key if own else None,
                    now=now,
                )
                opened[name] = await anyio.to_thread.run_sync(make, abandon_on_cancel=True)
            return opened[name]

    try:
        yield open_model
    finally:
        with anyio.move_on_after(FAREWELL, shield=True):
            for model in opened.values():
                await model.close()


def _make(name: str, *, base_url: str | None, api_key: str | None, now: Callable[[], datetime]) -> "LangChainModel":
    from engine.agents.langchain import make_model  # noqa: PLC0415 - seconds, and 80 MiB, for those who use it

    return make_model(name, base_url=base_url, api_key=api_key, now=now)
