"""Where everything durable lives: the contract in `repositories`, kept by `memory/` (simulations) and `sql/` (everything else).

Both are opened alike, `async with SqlStorage(url) as storage:` or `async with MemoryStorage() as storage:`; they are imported
from their own packages, so that a simulation needs no database library.
"""

from engine.storage.repositories import (
    ActivityLog,
    ApiKey,
    ApiKeys,
    Append,
    AppendFailure,
    Claimed,
    Messages,
    RefreshToken,
    Rooms,
    Search,
    Storage,
    TimelineLog,
    Tokens,
    Usage,
    Users,
)

__all__ = [
    "ActivityLog",
    "ApiKey",
    "ApiKeys",
    "Append",
    "AppendFailure",
    "Claimed",
    "Messages",
    "RefreshToken",
    "Rooms",
    "Search",
    "Storage",
    "TimelineLog",
    "Tokens",
    "Usage",
    "Users",
]
