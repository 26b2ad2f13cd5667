"""Documents: what an agent knows from files that it was given, beyond its persona and what it hears.

A document is read once, when it comes, and kept as chunks: parts of its text that are short enough to be given to a model. An
administrator gives it to an agent, so it is no secret of any place: the agent may use it wherever it is asked.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

import msgspec

from engine.domain.fields import ParticipantId

DocumentId = NewType("DocumentId", str)

MOST: Final = 100
"""Documents of an agent."""
LARGEST: Final = 10 * 1024 * 1024
"""Bytes of a file."""
LONGEST: Final = 500_000
"""Characters of its text."""
CHUNK: Final = 1_000
"""Characters of a chunk at most."""
LONGEST_NAME: Final = 255
"""Characters of a document's name."""


class DocumentType(StrEnum):
    """What can be read."""

    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    PDF = "application/pdf"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document of an agent. `bytes` are those of its file, `characters` those of its text; `chunks`: into how many it was cut."""

    id: DocumentId
    agent_id: ParticipantId
    name: str
    media_type: DocumentType
    bytes: int
    characters: int
    chunks: int
    created_at: datetime


class Part(msgspec.Struct, frozen=True):
    """A chunk as it was read, with its words as they are compared, spaces between them: they were taken apart where it was read."""

    text: str
    words: str


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document, which is called `name`: the one at `position`, from 0 on."""

    document_id: DocumentId
    name: str
    position: int
    text: str
