"""Pictures of people and agents."""

from typing import Final

from aiohttp import ETag, web

from engine.domain.fields import ParticipantId
from engine.engine import Engine
from gateway.rest.accounts import someone
from gateway.rest.endpoints import Endpoint, Image, get

_INERT: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""A picture may come from elsewhere and be SVG: nothing in it runs or loads anything, also when it is opened as a page."""


async def read_avatar(engine: Engine, request: web.Request, user_id: ParticipantId) -> Image:
    """Someone's picture: from the avatar service when one is set and answers, else drawn from their name."""
    avatar = await engine.avatars.of(await someone(engine, user_id))
    headers = {
        "Cache-Control": f"private, max-age={avatar.max_age}",
        "Content-Security-Policy": _INERT,
        "X-Content-Type-Options": "nosniff",
    }
    seen = request.if_none_match or ()
    known = any(each.value in {"*", avatar.etag} for each in seen)
    response = web.Response(status=304) if known else web.Response(body=avatar.data, content_type=avatar.content_type)
    response.headers.update(headers)
    response.etag = ETag(avatar.etag)
    return Image(response)


ENDPOINTS: Final[tuple[Endpoint, ...]] = (get("/users/{user_id}/avatar", read_avatar, tag="People", status=(200, 304)),)
