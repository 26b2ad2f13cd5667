"""Logs: structlog for our own events, and the standard library's records of aiohttp, SQLAlchemy and the rest through the same pipe.

Events are named in the past tense, with fields. What may never stand in a log (passwords, tokens, keys, message texts) is
taken out at the end of the pipe, after everything else has been added, so that no caller has to remember it.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import Processor

from engine.settings import LogFormat, LogLevel

HIDDEN = "[hidden]"

_SECRET_FIELDS = frozenset(
    {
        "access_token",
        "api_key",
        "authorization",
        "body",
        "cookie",
        "csrf_token",
        "data",
        "draft",
        "message",
        "password",
        "password_hash",
        "refresh_token",
        "secret",
        "secret_key",
        "set_cookie",
        "text",
        "token",
        "x_csrf_token",
    }
)

_ASSIGNED = (
    r"""((?:\b|_)(?:password|passwd|secret|secret_key|token|text|api_key)["']?\s*[=:]\s*)"""  # the name
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&,;)}\]]+)"""  # the value, quoted or bare
)

_SECRET_PATTERNS = (
    (re.compile(r"\beyJ[\w-]*\.[\w-]+\.[\w-]*"), HIDDEN),  # a JWT
    (re.compile(r"\bgathering_refresh_[\w-]+"), HIDDEN),
    (re.compile(r"\$argon2\w*\$\S+"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',]+", re.IGNORECASE), rf"\g<1> {HIDDEN}"),
    (re.compile(r"(://[^:/@\s]*):[^@\s]*@"), rf"\g<1>:{HIDDEN}@"),
    # What a database was given: message texts, mostly. Our storage hides it already; a library's own errors may quote it.
    (re.compile(r"\[parameters: .*?\](?=\s*(?:\(Background|$))", re.DOTALL), f"[parameters: {HIDDEN}]"),
    (re.compile(r"\bDETAIL: .*"), f"DETAIL: {HIDDEN}"),
    (re.compile(_ASSIGNED, re.IGNORECASE), rf"\g<1>{HIDDEN}"),
)

_QUIETER = {
    "aiohttp.access": logging.WARNING,
    "alembic": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "asyncio": logging.INFO,
}
"""Loggers that say too much at the common level: each request is an event of ours, each SQL call nobody's business."""


def configure_logging(level: LogLevel, form: LogFormat, *, stream: TextIO | None = None) -> None:
    """Send every log of this process to `stream` (standard error by default), in one form. To be called before the server starts."""
    out = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # so that a second call, as in tests, reaches every logger
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.StackInfoRenderer(),
                structlog.processors.format_exc_info,
                hide_secrets,
                _renderer(form, colors=out.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, quieter in _QUIETER.items():
        logging.getLogger(name).setLevel(max(quieter, root.level))


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what may never stand in a log: fields by their name, at any depth, and tokens and passwords by their look."""
    return {name: _without_secrets(name, value) for name, value in event.items()}


def scrubbed(text: str) -> str:
    """The text without anything in it that looks like a token, a password or a statement's parameters."""
    for pattern, replacement in _SECRET_PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _without_secrets(name: str, value: object) -> object:
    if name.lower().replace("-", "_") in _SECRET_FIELDS and value is not None:
        return HIDDEN
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return scrubbed(value)
        case msgspec.Struct():
            return _without_secrets("", msgspec.structs.asdict(value))
        case Mapping():
            return {str(key): _without_secrets(str(key), each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_without_secrets("", each) for each in value]
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"
        case _:
            return scrubbed(repr(value))


def _renderer(form: LogFormat, *, colors: bool) -> Processor:
    if form is LogFormat.JSON:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    # Tracebacks are text by now. The renderer's own would show local variables, and so everything that is hidden above.
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
