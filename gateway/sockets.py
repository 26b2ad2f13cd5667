"""The sockets that the server listens on, taken before anything else: a port in use is known before the database is touched."""

import socket
from contextlib import ExitStack
from errno import EADDRINUSE
from typing import Final

import anyio

from engine.settings import SettingsError

BACKLOG: Final = 1024


async def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, one for each address that `host` has; with port 0 all on one free port.

    Who connects waits until the server accepts. Raises `SettingsError`.
    """
    with ExitStack() as unless_all:
        sockets: list[socket.socket] = []
        try:
            for family, _, _, _, address in await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                free = sockets[0].getsockname()[1] if sockets else port
                taken = socket.create_server((address[0], free), family=family, backlog=BACKLOG)
                sockets.append(unless_all.enter_context(taken))
        except OSError as error:
            reason = "the port is in use" if error.errno == EADDRINUSE else error.strerror or str(error)
            raise SettingsError(f"cannot listen on {url(host, port)}: {reason}") from None
        unless_all.pop_all()
    return sockets


def url(host: str, port: int) -> str:
    """The address as a browser takes it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
