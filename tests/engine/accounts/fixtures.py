"""What the tests of accounts share."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import anyio

from engine.accounts.forms import Registration
from engine.errors import StorageUnavailable
from engine.storage.repositories import Storage

PASSWORD = "correct horse"


def registration(username: str, *, email: str | None = None, password: str = PASSWORD) -> Registration:
    return Registration(email=email or f"{username}@example.org", username=username, password=password)


if TYPE_CHECKING:
    _Storage = Any  # has every member; Storage itself would make its members abstract ones
else:
    _Storage = object


class Unreliable(_Storage):  # type: ignore[misc]
    """A storage that can go away, be slow, and tell what it was asked."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.away = False
        self.asked: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        """What to wait for before a method is called, by its name."""
        self.after: dict[str, Callable[[], Awaitable[None]]] = {}
        """What to wait for before its result is given."""

    def __getattr__(self, name: str) -> Any:
        repository = getattr(self._storage, name)
        return _Watched(self, repository) if name in {"users", "tokens"} else repository

    async def ping(self) -> None:
        await self._storage.ping()

    async def checkpoint(self) -> int:
        return await self._storage.checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Watched:
    """One repository of an unreliable storage."""

    def __init__(self, storage: Unreliable, repository: object) -> None:
        self._storage = storage
        self._repository = repository

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._repository, name)

        async def call(*args: object, **kwargs: object) -> Any:
            self._storage.asked.append(name)
            await anyio.lowlevel.checkpoint()
            if self._storage.away:
                raise StorageUnavailable("the database is away", retry_after=3)
            if (wait := self._storage.before.get(name)) is not None:
                await wait()
            result = await method(*args, **kwargs)
            if (wait := self._storage.after.get(name)) is not None:
                await wait()
            return result

        return call
