"""How a process begins and ends: its standard input is a socket, over which its server and it speak."""

import os
import signal
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from typing import Final

import anyio
from anyio.abc import ByteStream

from engine.processes.sockets import stream_over

FAREWELL: Final = 3
"""Seconds, whole ones, that it may take to end when its server has gone."""
NICENESS: Final = 10
"""Whoever serves people comes first when the cores are busy."""


def run(work: Callable[[ByteStream], Awaitable[None]]) -> None:
    """Do the work of a process, and end it. The signals that end a server's whole group of processes are for the server to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    anyio.run(_run, work, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    # Everything is closed. To take what was imported apart would take half a second, for which a server that stops would wait.
    os._exit(0)


async def _run(work: Callable[[ByteStream], Awaitable[None]]) -> None:
    async with await stream_over(socket.socket(fileno=0)) as stream:
        await work(stream)


def give_way() -> None:
    """Have a lower priority from now on."""
    os.nice(NICENESS)


limit_farewell = partial(signal.alarm, FAREWELL)
"""To be called when the server has gone: what does not end then is ended."""
