"""Connections of `requests` that can be cut from outside while a thread is busy with them.

A time limit of `requests` starts anew with every byte: a server that sends one a second keeps a thread for ever. Here whoever waits for
the thread cuts its connection, and the thread ends with an error.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

import anyio
import anyio.to_thread
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

T = TypeVar("T")


class Call:
    """One blocking call, and the connection that it uses."""

    def __init__(self) -> None:
        self.retry_after: str | None = None
        """What the server's `Retry-After` said, if there was one."""
        self._connection: _Told | None = None
        self._cut = False

    def uses(self, connection: "_Told") -> None:
        """The thread is about to send something over this connection."""
        self._connection, connection.call = connection, self
        if self._cut:
            self.cut()

    def cut(self) -> None:
        """End the call. Threads that wait for the other side wake with an error."""
        self._cut = True
        connection = self._connection
        # Given back, it may serve another call by now.
        if connection is not None and connection.call is self and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


_current: ContextVar[Call | None] = ContextVar("call", default=None)


def current_call() -> Call:
    """The call that this thread is working on; one of nobody's outside of `call_in_thread`."""
    return _current.get() or Call()


async def call_in_thread(work: Callable[[], T], call: Call, *, timeout: float, limiter: anyio.CapacityLimiter) -> T:
    """Do blocking work in a thread. After `timeout` seconds, or when cancelled, its connection is cut. Raises `TimeoutError`."""
    token = _current.set(call)  # threads of anyio's get a copy of the context
    try:
        with anyio.fail_after(timeout):
            return await anyio.to_thread.run_sync(work, limiter=limiter, abandon_on_cancel=True)
    except (TimeoutError, anyio.get_cancelled_exc_class()):
        call.cut()
        raise
    finally:
        _current.reset(token)


class _Told:
    """Tells the call whose thread it is of a connection. Mixed into those of urllib3."""

    sock: socket.socket | None
    call: Call | None = None
    """Who has used it last."""

    def request(self, *args: Any, **options: Any) -> None:
        current_call().uses(self)
        super().request(*args, **options)  # type: ignore[misc]


class _Connection(_Told, HTTPConnection):
    pass


class _TlsConnection(_Told, HTTPSConnection):
    pass


class _ConnectionPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsConnectionPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class CuttingAdapter(HTTPAdapter):
    """An adapter for a session of `requests` whose calls can be cut, through a proxy as well."""

    _POOLS: ClassVar = {"http": _ConnectionPool, "https": _TlsConnectionPool}

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See `HTTPAdapter`."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = self._POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """See `HTTPAdapter`."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = self._POOLS
        return manager

    def close(self) -> None:
        """Close idle connections now, and those in use when they are given back: urllib3 leaves that to the garbage collector."""
        for key in self.poolmanager.pools.keys():  # noqa: SIM118 - it cannot be iterated over
            self.poolmanager.pools[key].close()
        super().close()
