"""What a search finds."""

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.domain.messages import Message

Range = Annotated[tuple[int, int], Meta(description="[start, end) in characters (Unicode code points) of the text")]


class Snippet(msgspec.Struct, frozen=True):
    """A part of a message, as plain text, and where in it the words are that were looked for."""

    text: str
    ranges: list[Range]


class FoundMessage(Message, frozen=True, kw_only=True, gc=False):
    """A message with the parts of it that were looked for."""

    highlights: list[Snippet]
