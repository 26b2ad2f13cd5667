"""Every number that clients see: disconnects, ends of subscriptions, errors.

The numbers below 400, from 2000 to 2099 and from 3000 on are Centrifuge's own, with its words; the others are ours. What the
official clients make of them:

| numbers                | meaning                                                                    |
| ---------------------- | -------------------------------------------------------------------------- |
| disconnect 3000-3499   | reconnect, subscribe again, recover                                        |
| disconnect 3500-3999   | terminal: stay away until the application connects again                   |
| close 1009             | an incoming frame was too large; the JavaScript client stays disconnected  |
| unsubscribe 2000-2499  | terminal for that subscription                                             |
| unsubscribe 2500-2999  | subscribe again and recover by offset                                      |
| error, temporary       | the command may succeed later (connect and subscribe are retried by themselves) |

Errors, by the problem code of the same refusal in REST:

| problem code        | number | message              | temporary |
| ------------------- | ------ | -------------------- | --------- |
| internal            | 100    | internal server error| yes       |
| unauthenticated     | 101    | unauthorized         |           |
| not_found, of a channel | 102 | unknown channel     |           |
| forbidden, and a channel that is hidden | 103 | permission denied |     |
| invalid_request     | 107    | bad request          |           |
| (an expired token)  | 109    | token expired        |           |
| not_found, of something in a channel | 404 | not_found |        |
| conflict            | 409    | conflict             |           |
| room_full           | 410    | room_full            |           |
| payload_too_large   | 413    | payload_too_large    |           |
| rate_limited        | 429    | rate_limited         | yes       |
| quota_exceeded      | 430    | quota_exceeded       |           |
| storage_unavailable | 503    | storage_unavailable  | yes       |
| overloaded          | 504    | overloaded           | yes       |

Without a problem code: 104 method not found, 105 already subscribed, 106 limit exceeded, 108 not available,
111 too many requests (temporary), 112 unrecoverable position.
"""

import msgspec
import structlog

from actors.errors import ActorCrashed, ActorError, AskCycle
from engine.errors import EngineError, Hidden, NotFound, TokenExpired

log = structlog.get_logger(__name__)


class Disconnect(msgspec.Struct, frozen=True):
    """Why the server ends a connection: the code and reason of the WebSocket close frame."""

    code: int
    reason: str


CONNECTION_CLOSED = Disconnect(3000, "connection closed")
SHUTDOWN = Disconnect(3001, "shutdown")
SERVER_ERROR = Disconnect(3004, "internal server error")
EXPIRED = Disconnect(3005, "connection expired")
SLOW = Disconnect(3008, "slow")
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
FORCE_RECONNECT = Disconnect(3011, "force reconnect")
NO_PONG = Disconnect(3012, "no pong")
TOO_MANY_REQUESTS = Disconnect(3013, "too many requests")
INVALID_TOKEN = Disconnect(3500, "invalid token")
MALFORMED = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")
FORCE_NO_RECONNECT = Disconnect(3503, "force disconnect")
FRAME_TOO_LARGE = Disconnect(1009, "message too big")


class Unsubscribed(msgspec.Struct, frozen=True):
    """Why the server ends one subscription."""

    code: int
    reason: str


NOT_A_MEMBER = Unsubscribed(2000, "not a member")
ARCHIVED = Unsubscribed(2100, "archived")
RESTARTED = Unsubscribed(2500, "insufficient state")


class ErrorReply(msgspec.Struct, frozen=True):
    """A refusal of one command. `temporary` says that the same command may succeed later."""

    code: int
    message: str
    temporary: bool = False


INTERNAL = ErrorReply(100, "internal server error", temporary=True)
UNAUTHORIZED = ErrorReply(101, "unauthorized")
UNKNOWN_CHANNEL = ErrorReply(102, "unknown channel")
PERMISSION_DENIED = ErrorReply(103, "permission denied")
METHOD_NOT_FOUND = ErrorReply(104, "method not found")
ALREADY_SUBSCRIBED = ErrorReply(105, "already subscribed")
LIMIT_EXCEEDED = ErrorReply(106, "limit exceeded")
BAD_REQUEST = ErrorReply(107, "bad request")
NOT_AVAILABLE = ErrorReply(108, "not available")
TOKEN_EXPIRED = ErrorReply(109, "token expired")
COMMANDS_TOO_FAST = ErrorReply(111, "too many requests", temporary=True)
UNRECOVERABLE_POSITION = ErrorReply(112, "unrecoverable position")
OVERLOADED = ErrorReply(504, "overloaded", temporary=True)

PROBLEMS = {
    "internal": INTERNAL,
    "unauthenticated": UNAUTHORIZED,
    "forbidden": PERMISSION_DENIED,
    "invalid_request": BAD_REQUEST,
    "not_found": ErrorReply(404, "not_found"),
    "conflict": ErrorReply(409, "conflict"),
    "room_full": ErrorReply(410, "room_full"),
    "payload_too_large": ErrorReply(413, "payload_too_large"),
    "rate_limited": ErrorReply(429, "rate_limited", temporary=True),
    "quota_exceeded": ErrorReply(430, "quota_exceeded"),
    "storage_unavailable": ErrorReply(503, "storage_unavailable", temporary=True),
    "overloaded": OVERLOADED,
}
"""The error of each problem code."""


def error_of(problem: Exception, *, of_channel: bool = False) -> ErrorReply:
    """The reply for what went wrong with a command.

    `of_channel` says that the command names a channel and nothing in it, so that what was not found is the channel. What
    nobody declared is logged here, with its traceback, and becomes 100.
    """
    if isinstance(problem, EngineError):
        if isinstance(problem, TokenExpired):
            return TOKEN_EXPIRED
        if isinstance(problem, Hidden):
            return PERMISSION_DENIED
        if of_channel and isinstance(problem, NotFound):
            return UNKNOWN_CHANNEL
        return PROBLEMS.get(problem.code, INTERNAL)
    if isinstance(problem, ActorError) and not isinstance(problem, ActorCrashed | AskCycle):
        return OVERLOADED
    log.error("command.failed", exc_info=problem)
    return INTERNAL
