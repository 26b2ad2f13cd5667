"""The engine's refusals: each class is one thing a caller can decide on.

They are `actors.Refused`: raised inside an actor they reach the caller and the actor lives on. `code` is the stable name of
the error in every door (problem documents, realtime errors).
"""

from typing import ClassVar

import msgspec

from actors.errors import Refused


class EngineError(Refused):
    """The root. `str(error)` is a sentence for people, with the values that matter and no secret."""

    code: ClassVar[str] = "internal"


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with one field. `path` is dotted, as the client sent it: `text`, `members.0`."""

    path: str
    message: str


class InvalidRequest(EngineError):
    """The request breaks a rule that the client can know; `errors` names each field and its limit."""

    code = "invalid_request"

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(detail)
        self.errors = errors

    @classmethod
    def field(cls, path: str, message: str) -> "InvalidRequest":
        """The common case: one field, one message."""
        return cls(f"{path}: {message}", (FieldError(path, message),))


class Unauthenticated(EngineError):
    """Nobody is signed in: the credentials are missing, forged, revoked, or belong to a deactivated person."""

    code = "unauthenticated"


class TokenExpired(Unauthenticated):
    """The access token was good and has expired: refresh it and come back."""


class Forbidden(EngineError):
    """The person is known and may not do this."""

    code = "forbidden"


class NotFound(EngineError):
    """There is no such thing, or none that this person may know of."""

    code = "not_found"


class Hidden(NotFound):
    """It is there, and this person may not see it.

    REST says that there is no such thing. Realtime says "permission denied": whoever names a channel was told of it, often as
    a member, and wants to know why it is silent.
    """


class Conflict(EngineError):
    """The request contradicts what is already there."""

    code = "conflict"


class InProgress(Conflict):
    """An answer with this id has been begun already, and goes on."""


class RoomFull(EngineError):
    """The room is at its capacity."""

    code = "room_full"


class TryLater(EngineError):
    """The root of passing conditions. `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class StorageUnavailable(TryLater):
    """The database does not answer. Nothing is half-applied; a write whose answer was lost is found again by its client_id."""

    code = "storage_unavailable"


class Overloaded(TryLater):
    """More work is waiting than the engine accepts."""

    code = "overloaded"


class Overtaken(TryLater):
    """Somebody who is waited for came before the commit of what nobody waits for: nothing was written."""

    code = "overloaded"


class TimelineMoved(Overloaded):
    """Another process has taken this timeline over; this one may no longer write to it."""


class RateLimited(TryLater):
    """This caller asks too often."""

    code = "rate_limited"


class QuotaExceeded(TryLater):
    """This person has posted as many messages as a week allows them; `retry_after` is the time until the next week."""

    code = "quota_exceeded"
