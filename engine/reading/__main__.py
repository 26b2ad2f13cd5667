"""`python -m engine.reading <media type>`: reads a file from the standard input and writes an `Outcome` as JSON to the standard output."""

import os
import resource
import sys
from contextlib import suppress
from typing import Final

import msgspec

from engine.domain.documents import DocumentType
from engine.reading.reader import TIME, Outcome, Unreadable
from engine.reading.texts import parts_of

MEMORY: Final = 1 << 30
"""Bytes that reading a file may take."""
_NICENESS: Final = 10
"""Whoever posts meanwhile goes first."""


def main() -> None:
    """Read one file."""
    os.nice(_NICENESS)
    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, int(TIME))):
        with suppress(ValueError, OSError):  # macOS does not limit memory so
            resource.setrlimit(kind, (most, most))
    media_type = DocumentType(sys.argv[1])
    try:
        outcome = Outcome(parts_of(sys.stdin.buffer.read(), media_type))
    except Unreadable as refusal:
        outcome = Outcome([], str(refusal))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
