"""Answers that are sent while they are being read: a slow client slows the reading, one that leaves ends it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import structlog
from aiohttp import web

from actors.errors import AskFailed
from engine.errors import EngineError
from gateway.middleware import REQUEST_ID
from gateway.problems import describe, document
from gateway.rest.endpoints import LINES, Lines

log = structlog.get_logger("gateway.http")


async def stream(request: web.Request, lines: Lines[object], status: int) -> web.StreamResponse:
    """Send lines. What goes wrong before the first is raised; see `Lines` for what goes wrong after it.

    `write` waits while the client's buffers are full, and raises when it has gone.
    """
    async with aclosing(lines.chunks) as chunks:
        chunk = await anext(chunks, b"")
        response = web.StreamResponse(status=status)
        response.content_type = LINES
        response.headers["Content-Disposition"] = f'attachment; filename="{lines.filename}"'
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        try:
            while chunk:
                await response.write(chunk)
                chunk = await _next(request, chunks)
            await response.write_eof()
        except ConnectionError:
            log.info("stream.abandoned", path=request.path)
        return response


async def _next(request: web.Request, chunks: AsyncGenerator[bytes]) -> bytes:
    try:
        return await anext(chunks, b"")
    except (EngineError, AskFailed) as error:
        log.warning("stream.failed", path=request.path, exc_info=error)
        problem = document(describe(error), request[REQUEST_ID])
        return msgspec.json.encode({"error": problem}) + b"\n"
