"""The process that reads what models answer. Its standard input is a socket, over which its server and it speak.

It ends with that socket, so with its server, however that ends.
"""

import os
import signal
import socket
from functools import partial
from importlib.util import find_spec
from typing import Final

import anyio
from anyio.abc import UNIXSocketStream

from engine.agents.langchain_models import open_langchain
from engine.agents.model_process.reading import read_models
from engine.agents.model_process.wire import Hello, first, orders
from engine.clock import SystemClock
from engine.logs import configure_logging
from engine.settings import LogFormat, LogLevel

NICENESS: Final = 10
"""Whoever serves people comes first when the cores are busy."""
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
            await read_models(stream, messages, hello.models, open_model, gone=partial(signal.alarm, FAREWELL))


def main() -> None:
    """Run it. The signals that end a server's whole group of processes are for the server to heed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    anyio.run(run, backend_options={"use_uvloop": find_spec("uvloop") is not None})
    # Everything is closed. To take LangChain apart would take half a second, for which a server that stops would wait.
    os._exit(0)


if __name__ == "__main__":
    main()
