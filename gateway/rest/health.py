"""Health for whoever runs the process: alive means worth keeping, ready means worth sending requests to."""

import time
from dataclasses import dataclass, field
from typing import Final

import anyio
import msgspec
from aiohttp import web

from engine.engine import Engine
from engine.errors import StorageUnavailable
from gateway.rest.endpoints import Access, Endpoint, Reply, get

_STORAGE_SECONDS: Final = 2.0


@dataclass(slots=True)
class Lifecycle:
    """Where the process is between start and stop."""

    started: bool = False
    draining: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def uptime(self) -> float:
        """Seconds since the process began to start."""
        return time.monotonic() - self.began


LIFECYCLE: Final = web.AppKey("lifecycle", Lifecycle)


class Health(msgspec.Struct, frozen=True):
    """The verdict, and each check with whether it passed."""

    status: str
    checks: dict[str, bool]


async def read_liveness(engine: Engine) -> Reply[Health]:
    """200 while the actor system answers; 503 tells a supervisor to restart the process."""
    return _verdict({"actors": await engine.is_alive()})


async def read_readiness(request: web.Request, engine: Engine) -> Reply[Health]:
    """200 when requests will be served: started, with a database that answers, and not shutting down."""
    lifecycle = request.app[LIFECYCLE]
    checks = {
        "started": lifecycle.started,
        "not_draining": not lifecycle.draining,
        "storage": await _storage_answers(engine),
    }
    return _verdict(checks)


async def _storage_answers(engine: Engine) -> bool:
    with anyio.move_on_after(_STORAGE_SECONDS):
        try:
            await engine.storage.ping()
        except StorageUnavailable:
            return False
        return True
    return False


def _verdict(checks: dict[str, bool]) -> Reply[Health]:
    healthy = all(checks.values())
    return Reply(Health("ok" if healthy else "unavailable", checks), 200 if healthy else 503)


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/livez", read_liveness, tag="Health", status=(200, 503), access=Access.PUBLIC, prefix=""),
    get("/readyz", read_readiness, tag="Health", status=(200, 503), access=Access.PUBLIC, prefix=""),
)
