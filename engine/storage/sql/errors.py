"""What a driver's error means to us: a passing condition, a refusal of the data, or a fault of ours."""

import sqlite3
from typing import Literal

from sqlalchemy import exc

from engine.errors import Conflict, EngineError, InvalidRequest, StorageUnavailable

_LOST = ("08", "57P")
"""PostgreSQL's SQLSTATEs (classes) of a connection that is gone: connection exceptions, server shutting down or starting."""
_AGAIN = ("40001", "40P01")
"""Serialization failure and deadlock: the same transaction succeeds when run again."""
_PASSING = ("53", "55P03", "57", "58", "25006", "25P03", "40")
"""Out of resources, lock not available, operator intervention (a statement's time limit too), system error, a standby that may
not write, a transaction idle for too long."""
_SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
_SQLITE_UNIQUE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})


def connection_lost(error: BaseException | None) -> bool:
    """Whether the connection is gone, so that its transaction is too."""
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    return _sqlstate(error).startswith(_LOST)


def worth_repeating(error: BaseException) -> bool:
    """Whether the same transaction, not yet at its COMMIT, may well succeed when run again at once."""
    return connection_lost(error) or _sqlstate(error) in _AGAIN


def passing(error: BaseException) -> bool:
    """Whether the database is away, busy or out of something, rather than the request or our code at fault."""
    if isinstance(error, OSError | TimeoutError | exc.TimeoutError) or connection_lost(error):
        return True
    code = _sqlite_code(error)
    return _sqlstate(error).startswith(_PASSING) or (code is not None and code & 0xFF in _SQLITE_PASSING)


def refusal(error: BaseException) -> Literal["conflict", "invalid"] | None:
    """Why the database refuses what is in a transaction; None when the error says nothing about the data."""
    if isinstance(error, exc.IntegrityError):
        unique = _sqlstate(error) == "23505" or _sqlite_code(error) in _SQLITE_UNIQUE
        return "conflict" if unique else "invalid"
    # asyncpg's own checks of parameters are ValueErrors; sqlite3 raises its Unicode and Overflow errors bare.
    cause = error.orig.__cause__ if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    data = isinstance(cause, ValueError | OverflowError) or isinstance(error, exc.DataError)
    return "invalid" if data or _sqlstate(error).startswith("22") else None


def describe(error: BaseException) -> str:
    """The error without the values that caused it, which may be somebody's words."""
    orig = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(orig, sqlite3.Error):
        return str(orig)  # SQLite names columns, never values
    cause = getattr(orig, "__cause__", None) or orig
    constraint = getattr(cause, "constraint_name", None)
    return f"{type(cause).__name__} {constraint or _sqlstate(error)}".strip()


def translate(error: Exception, limit: float) -> Exception:
    """The engine's word for a driver's error; the error itself when it is a fault of ours. `limit` is in seconds."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, TimeoutError | exc.TimeoutError):
        return StorageUnavailable(f"the database did not answer within {limit:g} s")
    if passing(error):
        return StorageUnavailable(f"the database is not available ({describe(error)})")
    match refusal(error):
        case "conflict":
            return Conflict(f"it is there already ({describe(error)})")
        case "invalid":
            return InvalidRequest(f"the database refuses this data ({describe(error)})")
        case None:
            return error


def _sqlstate(error: BaseException | None) -> str:
    orig = error.orig if isinstance(error, exc.DBAPIError) else error
    return getattr(orig, "sqlstate", None) or ""


def _sqlite_code(error: BaseException) -> int | None:
    orig = error.orig if isinstance(error, exc.DBAPIError) else error
    return getattr(orig, "sqlite_errorcode", None)
