"""Has a file read by a process of its own."""

import sys
from typing import Final

import anyio
import msgspec
import structlog

from engine.domain.documents import DocumentType, Part

TIME: Final = 60.0
"""Seconds that reading a file may take; the process itself has as many seconds of processor time."""
COMMAND: Final = (sys.executable, "-P", "-m", "engine.reading")

log = structlog.get_logger(__name__)


class Unreadable(Exception):
    """There is nothing to be read in a file; says why, in a sentence without its subject."""


class Outcome(msgspec.Struct, frozen=True):
    """What has become of a file: its parts in order, or why there are none."""

    parts: list[Part]
    reason: str = ""


_outcome = msgspec.json.Decoder(Outcome)


async def read_file(data: bytes, media_type: DocumentType) -> list[Part]:
    """The text of a file, in parts of at most `CHUNK` characters. Raises `Unreadable`. Cancelling ends the process."""
    with anyio.move_on_after(TIME) as in_time:
        async with anyio.TemporaryFile() as file:  # a pipe breaks when the process ends before it has read all
            await file.write(data)
            await file.seek(0)
            done = await anyio.run_process([*COMMAND, media_type.value], stdin=file.wrapped, check=False)
    if in_time.cancelled_caught:
        raise Unreadable(f"takes longer than {TIME:g} seconds to read")
    if done.returncode != 0:
        log.warning("document.not_read", code=done.returncode, error=done.stderr[-1000:].decode(errors="replace"))
        raise Unreadable("cannot be read: it is damaged, or made to take too much")
    outcome = _outcome.decode(done.stdout)
    if outcome.reason:
        raise Unreadable(outcome.reason)
    return outcome.parts
