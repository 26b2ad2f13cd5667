"""The two ends of what carries bytes between a server and a process of its own, both of them in one process."""

from typing import Any

import anyio
from anyio.streams.stapled import StapledObjectStream


def ends() -> tuple[Any, Any]:
    """Two byte streams, each of which receives what the other one sends, a chunk at a time."""
    to_there, there_in = anyio.create_memory_object_stream[bytes](1)
    to_here, here_in = anyio.create_memory_object_stream[bytes](1)
    return StapledObjectStream(to_there, here_in), StapledObjectStream(to_here, there_in)
