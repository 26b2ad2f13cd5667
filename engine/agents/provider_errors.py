"""What the errors of provider libraries mean. By their shape, not their class: no library is imported to ask what it raises.

Those of OpenAI, Anthropic, Ollama and what is generated like them have a `status_code`, and the response; underneath is an HTTP
client with errors of its own.
"""

import json
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import PurePath
from typing import Final

import structlog

from engine.agents.models.failures import FailureCode, ModelFailed
from engine.retry_after import parse_retry_after

log = structlog.get_logger(__name__)

_BY_STATUS: Final = {
    401: FailureCode.UNAUTHORIZED,
    402: FailureCode.QUOTA,
    403: FailureCode.UNAUTHORIZED,
    429: FailureCode.RATE_LIMITED,
}
_PAYMENT: Final = ("insufficient_quota", "billing_error")
"""What a provider calls it, with whatever status, when the account has no money or quota left: OpenAI, and Anthropic."""
_PASSING: Final = frozenset({408, 409, 425})
"""Client errors that mean "not now"."""
_CONNECTION: Final = frozenset({"APIConnectionError", "TransportError", "ConnectionError", "StreamError"})
"""Names of the classes that stand for trouble with the connection, in openai, anthropic, httpx and builtins."""
_REPORTED: Final = frozenset({"APIError", "ResponseError"})
"""An error that the provider reports inside of a stream: these libraries' root, without a status that means an error."""


def failure_of(error: Exception, *, spoken: bool, now: Callable[[], datetime]) -> ModelFailed:
    """The failure that this error stands for. `spoken`: part of the answer had come before it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status_code", None)
    if isinstance(error, ModelFailed):
        return error
    if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST:
        return _by_status(error, status, now)
    if kinds & _CONNECTION:
        return _broken("the connection to the provider broke", "the provider could not be reached", spoken=spoken)
    if kinds & _REPORTED:
        return _broken("the provider reported an error", "the provider reported an error", spoken=spoken)
    log.error("model.not_understood", error=type(error).__name__, at=_place(error))
    if type(error) is ValueError and not spoken:
        return ModelFailed(
            FailureCode.REJECTED, "the request was refused on its way to the provider; the log has where"
        )
    if isinstance(error, json.JSONDecodeError | UnicodeError | LookupError | TypeError | ValueError | AttributeError):
        return ModelFailed(FailureCode.MALFORMED, "the provider sent something that is not of its protocol")
    return ModelFailed(FailureCode.FAILED, f"the model failed with {type(error).__name__}")


def _by_status(error: Exception, status: int, now: Callable[[], datetime]) -> ModelFailed:
    log.warning(
        "model.refused",
        status=status,
        **{name: getattr(error, name, None) for name in ("type", "code", "param", "request_id")},
    )
    retry_after = parse_retry_after(_headers(error).get("retry-after"), now)
    if any(getattr(error, name, None) in _PAYMENT for name in ("code", "type")):
        code = FailureCode.QUOTA
    elif status in _BY_STATUS:
        code = _BY_STATUS[status]
    else:
        passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
        code = FailureCode.UNAVAILABLE if passing else FailureCode.REJECTED
    hint = ": it knows no such model, or the address is wrong" if status == HTTPStatus.NOT_FOUND else ""
    return ModelFailed(code, f"the provider answered {status}{hint}", retry_after)


def _headers(error: BaseException | None) -> Mapping[str, str]:
    """Those of the response. Ollama's errors do not have it; the HTTP client's, which was handled when they were raised, does."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            headers: Mapping[str, str] = response.headers
            return headers
        error = error.__context__
    return {}


def _broken(midway: str, before: str, *, spoken: bool) -> ModelFailed:
    return ModelFailed(FailureCode.INTERRUPTED, midway) if spoken else ModelFailed(FailureCode.UNAVAILABLE, before)


def _place(error: Exception) -> str:
    """Where it was raised. Its text, and the traceback that ends with it, may quote the conversation."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
