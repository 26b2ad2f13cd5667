"""The process that reads what models answer. Its standard input is a socket, over which its server and it speak.

It ends with that socket, so with its server, however that ends.
"""

import os
import signal
import socket
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Final

import anyio
from anyio.abc import UNIXSocketStream

from engine.agents.langchain_models import open_langchain
from engine.agents.model_process.reading import read_models
from engine.agents.model_process.wire import Hello, first, orders
from engine.agents.models.models import Opener
from engine.agents.models.prompt import ChatModel
from engine.clock import SystemClock
from engine.logs import configure_logging
from engine.settings import LogFormat, LogLevel

NICENESS: Final = 10
"""Whoever serves people comes first when the cores are busy; but not before there is a model: to load LangChain takes seconds as it is."""
FAREWELL: Final = 3
"""Seconds, whole ones, that it may take to end when its server has gone."""


async def run() -> None:
    """Do what the server says until it has gone."""
    messages = orders()
    async with await UNIXSocketStream.from_socket(socket.socket(fileno=0)) as stream:
        try:
            hello = await first(stream, messages)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
        assert isinstance(hello, Hello)
        configure_logging(LogLevel(hello.log_level), LogFormat(hello.log_format))
        async with open_langchain(hello.access, SystemClock().now) as open_model:
            opener = giving_way(open_model, partial(os.nice, NICENESS))
            await read_models(stream, messages, hello.models, opener, gone=partial(signal.alarm, FAREWELL))


def giving_way(open_model: Opener, give_way: Callable[[], object]) -> Opener:
    """Opens models; gives way once there is one."""
    gives_way = False

    async def open_first(name: str) -> ChatModel:
        nonlocal gives_way
        model = await open_model(name)
        if not gives_way:
            gives_way = True
            give_way()
        return model

    return open_first


def main() -> None:
    """Run it. The signals that end a server's whole group of processes are for the server to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    anyio.run(run, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    # Everything is closed. To take LangChain apart would take half a second, for which a server that stops would wait.
    os._exit(0)


if __name__ == "__main__":
    main()
