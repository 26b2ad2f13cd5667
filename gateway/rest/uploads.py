"""Files that come in the body of a request: `multipart/form-data` (RFC 7578) with one file."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Final, NamedTuple

from aiohttp import BodyPartReader, web
from aiohttp.hdrs import CONTENT_ENCODING, CONTENT_TRANSFER_ENCODING
from aiohttp.http_exceptions import HttpProcessingError

from engine.domain.documents import LARGEST
from engine.errors import InvalidRequest
from gateway.problems import ProblemError

FORM: Final = "multipart/form-data"
FIELD: Final = "file"
"""What the file is called in the form. Another name will do."""
_AS_IT_IS: Final = frozenset({"", "identity", "binary", "8bit", "7bit"})


class Upload(NamedTuple):
    """A file. `name` has no folders in it, `media_type` is what the client takes it for."""

    name: str
    media_type: str
    data: bytes


async def read_upload(request: web.Request) -> Upload:
    """The file in the body. `invalid_request` when there is none or more than that, `payload_too_large` over `LARGEST` bytes."""
    if request.content_type != FORM:
        raise ProblemError("invalid_request", f"send the file as {FORM}, in a part called {FIELD}", status=400)
    found: Upload | None = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.filename is None:
                raise InvalidRequest(
                    f"the form has a part that is no file; one file is accepted, in a part called {FIELD}"
                )
            if found is not None:
                raise InvalidRequest.field(FIELD, "is given more than once: one file at a time")
            found = await _read(part, part.filename)
    except (ValueError, HttpProcessingError, web.RequestPayloadError, ConnectionError):
        raise ProblemError("invalid_request", f"the body is no {FORM}, or ends early", status=400) from None
    if found is None:
        raise InvalidRequest.field(FIELD, "is missing")
    return found


async def _read(part: BodyPartReader, filename: str) -> Upload:
    encodings = {part.headers.get(name, "").lower() for name in (CONTENT_ENCODING, CONTENT_TRANSFER_ENCODING)}
    if not encodings <= _AS_IT_IS:
        raise InvalidRequest.field(FIELD, "is encoded; it has to come as it is")
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > LARGEST:
            raise ProblemError("payload_too_large", f"{FIELD}: at most {LARGEST:,} bytes are accepted")
    media_type = part.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return Upload(PurePosixPath(PureWindowsPath(filename).name).name, media_type, bytes(data))
