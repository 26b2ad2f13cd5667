"""What agents were given to read: for administrators."""

from pathlib import PurePosixPath
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from engine.domain.documents import Chunk, Document, DocumentId, DocumentType
from engine.domain.fields import ParticipantId
from engine.engine import Engine
from engine.errors import InvalidRequest
from gateway.rest.endpoints import Access, Endpoint, delete, get, post
from gateway.rest.pages import Cursor, Limit, Page, page
from gateway.rest.uploads import FIELD, Upload

_BY_SUFFIX: Final = {
    ".txt": DocumentType.TEXT,
    ".text": DocumentType.TEXT,
    ".md": DocumentType.MARKDOWN,
    ".markdown": DocumentType.MARKDOWN,
    ".pdf": DocumentType.PDF,
}
_BY_MEDIA_TYPE: Final = {**{each.value: each for each in DocumentType}, "text/x-markdown": DocumentType.MARKDOWN}


class DocumentsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page."""

    after: Cursor | None = None
    limit: Limit = 50


class DocumentSearchQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, as it would be put to the agent."""

    q: Annotated[str, Meta(min_length=1, max_length=4_000, pattern=r"^[^\x00]*$")]


async def add_document(engine: Engine, agent_id: ParticipantId, body: Upload) -> Document:
    """Give an agent a file to read: text or Markdown in UTF-8, or PDF. For each question it is given the parts that bear on it.

    The ending of the file's name says what it is (`.txt`, `.md`, `.pdf`), or else its media type.
    """
    return await engine.documents.add(agent_id, body.name, _type_of(body), body.data)


async def list_documents(engine: Engine, agent_id: ParticipantId, query: DocumentsQuery) -> Page[Document]:
    """What an agent was given to read, newest first."""
    after = None if query.after is None else DocumentId(query.after)
    rows = await engine.documents.page(agent_id, after=after, limit=query.limit + 1)
    return page(rows, query.limit, lambda document: document.id)


async def search_documents(engine: Engine, agent_id: ParticipantId, query: DocumentSearchQuery) -> Page[Chunk]:
    """What an agent would be given of its documents for a question, in the order in which it reads it."""
    return Page(items=list(await engine.documents.search(agent_id, query.q)), next=None)


async def read_document(engine: Engine, agent_id: ParticipantId, document_id: DocumentId) -> Document:
    """One document."""
    return await engine.documents.read(agent_id, document_id)


async def remove_document(engine: Engine, agent_id: ParticipantId, document_id: DocumentId) -> None:
    """Have an agent know a document no more."""
    await engine.documents.remove(agent_id, document_id)


def _type_of(upload: Upload) -> DocumentType:
    suffix = PurePosixPath(upload.name).suffix.lower()
    found = _BY_SUFFIX.get(suffix) or _BY_MEDIA_TYPE.get(upload.media_type)
    if found is None:
        raise InvalidRequest.field(
            FIELD, f"is neither text nor Markdown nor PDF: {upload.media_type or 'no media type'}"
        )
    return found


_TAG: Final = "Agents"
_ALL: Final = "/agents/{agent_id}/documents"
_ONE: Final = "/agents/{agent_id}/documents/{document_id}"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get(_ALL, list_documents, tag=_TAG, access=Access.ADMIN),
    post(_ALL, add_document, tag=_TAG, access=Access.ADMIN, status=201, problems=("conflict",)),
    get(f"{_ALL}/search", search_documents, tag=_TAG, access=Access.ADMIN),
    get(_ONE, read_document, tag=_TAG, access=Access.ADMIN),
    delete(_ONE, remove_document, tag=_TAG, access=Access.ADMIN),
)
