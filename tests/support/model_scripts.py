"""Everything that a provider of chat models can do, right and wrong, in whatever protocol it speaks."""

import asyncio
from collections.abc import Mapping

from tests.support.model_server import Reply, Script


def words(*texts: str, usage: tuple[int, int] | None = (7, 3), finish: str = "stop", pause: float = 0.0) -> Script:
    """An answer as it should be. `pause`: seconds before each word."""

    async def play(reply: Reply) -> None:
        for text in texts:
            if pause:
                await asyncio.sleep(pause)
            await reply.say(text)
        await reply.finish(finish, usage)

    return play


def calls(name: str, arguments: Mapping[str, object], *, text: str = "") -> Script:
    """The model asks for a tool."""

    async def play(reply: Reply) -> None:
        if text:
            await reply.say(text)
        else:
            await reply.begin()
        await reply.call(name, arguments)
        await reply.finish("tools", (11, 5))

    return play


def status(code: int, *, retry_after: str | None = None, kind: str | None = None) -> Script:
    """An error instead of an answer. `kind`: what the protocol calls it, if not as usual for its status."""

    async def play(reply: Reply) -> None:
        await reply.refuse(code, {} if retry_after is None else {"Retry-After": retry_after}, kind)

    return play


async def hangs(_: Reply) -> None:
    """Never says anything, not even a status."""
    await asyncio.Event().wait()


async def hangs_after_headers(reply: Reply) -> None:
    """Begins an answer without a word."""
    await reply.begin()
    await asyncio.Event().wait()


async def stalls(reply: Reply) -> None:
    """Stops in the middle."""
    await reply.say("Well, ")
    await asyncio.Event().wait()


async def resets(reply: Reply) -> None:
    """The connection breaks before the first word."""
    reply.reset()


async def resets_midway(reply: Reply) -> None:
    """The connection breaks after it."""
    await reply.say("Well, ")
    await asyncio.sleep(0.05)  # so that the word is read before the connection is gone
    reply.reset()


async def fails_at_once(reply: Reply) -> None:
    """The provider reports an error of its own in the stream, before the first word."""
    await reply.begin()
    await reply.fail()


async def fails_midway(reply: Reply) -> None:
    """And after it."""
    await reply.say("Well, ")
    await reply.fail()


async def garbage(reply: Reply) -> None:
    """What is no JSON."""
    await reply.say("Well, ")
    await reply.garbage()
    await reply.finish()


async def odd_chunk(reply: Reply) -> None:
    """JSON, and not of the protocol."""
    await reply.say("Well, ")
    await reply.odd()
    await reply.finish()


async def ends_early(reply: Reply) -> None:
    """The stream is over without having been finished."""
    await reply.say("Well, ")


async def endless(reply: Reply) -> None:
    """Goes on for ever."""
    while True:
        await reply.say("and ")
        await asyncio.sleep(0.005)


async def reasons(reply: Reply) -> None:
    """Thinks aloud before it speaks."""
    await reply.begin()
    await reply.think("SECRET THOUGHT")
    await reply.say("Well.")
    await reply.finish()
