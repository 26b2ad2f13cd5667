"""Chores: what the engine does again and again beside its actors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import anyio
import structlog

from engine.beside import beside
from engine.errors import StorageUnavailable

log = structlog.get_logger(__name__)


class Chore(NamedTuple):
    """Something to do at once, and again `seconds` after it was done."""

    seconds: float
    do: Callable[[], Awaitable[object]]


@asynccontextmanager
async def doing(*chores: Chore) -> AsyncIterator[None]:
    """Do chores for as long as the block. An error of the block itself leaves as it is, not in a group."""
    async with beside() as tasks:
        for chore in chores:
            tasks.start_soon(_keep_doing, chore)
        yield


async def _keep_doing(chore: Chore) -> None:
    """One that fails is done again in its time: nobody's message hangs on it."""
    while True:
        try:
            await chore.do()
        except StorageUnavailable:
            log.warning("chore.postponed", chore=_name(chore.do))
        except Exception:  # a supervision boundary: the engine goes on without
            log.exception("chore.failed", chore=_name(chore.do))
        await anyio.sleep(chore.seconds)


def _name(chore: Callable[[], Awaitable[object]]) -> str:
    function = chore.func if isinstance(chore, partial) else chore
    return str(getattr(function, "__qualname__", function))
