"""Avatars: pictures of people, from a DiceBear-compatible service or drawn here.

    avatar = await avatars.of(user)

The service is asked once for each person and then not for a day; several who ask at once wait for one request. When it is away,
slow, or answers what is no picture, the drawn one is given, and the service is left alone for a minute. The drawn one is made from
the person's id and name alone: it is the same everywhere, and needs nothing.
"""

import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote
from weakref import WeakValueDictionary

import anyio
import httpx
import msgspec
import structlog

from engine.domain.fields import ParticipantId
from engine.domain.people import User

LARGEST: Final = 256 * 1024
"""Bytes of a picture that are accepted."""
TIMEOUT: Final = 3.0
"""Seconds that the service has for its whole answer."""
KEPT: Final = 86_400.0
"""Seconds for which a picture is kept."""
PAUSE: Final = 60.0
"""Seconds until the service is asked again for someone for whom it had none."""
MOST: Final = 512
"""How many pictures are kept."""

_KINDS: Final = frozenset({"image/svg+xml", "image/png", "image/webp", "image/jpeg"})
_HUES: Final = 24

log = structlog.get_logger(__name__)


class Avatar(msgspec.Struct, frozen=True):
    """A picture. `etag` changes with its content; it may be kept for `max_age` seconds."""

    data: bytes
    content_type: str
    etag: str
    max_age: int


@asynccontextmanager
async def open_avatars(url: str | None, time: Callable[[], float]) -> "AsyncIterator[Avatars]":
    """Avatars with an HTTP client of their own: without proxies from the environment, and few connections.

    Where there is no service there is no client either: making one takes 20 ms, for the certificates.
    """
    if url is None:
        yield Avatars(None, None, time)
        return
    limits = httpx.Limits(max_connections=8)
    async with httpx.AsyncClient(timeout=TIMEOUT, limits=limits, trust_env=False) as client:
        yield Avatars(client, url, time)


class Avatars:
    """Gives everyone a picture; never raises. `url` is the service's address with `{seed}` in it, None for none, without a `client`.

    `time` is monotonic, in seconds. Cancelling who asks first lets the next one ask.
    """

    def __init__(self, client: httpx.AsyncClient | None, url: str | None, time: Callable[[], float]) -> None:
        self._client = client
        self._url = url
        self._time = time
        self._known: OrderedDict[ParticipantId, tuple[float, Avatar]] = OrderedDict()
        self._not_before: dict[ParticipantId, float] = {}
        self._turns: WeakValueDictionary[ParticipantId, anyio.Lock] = WeakValueDictionary()

    async def of(self, user: User) -> Avatar:
        """The picture of a person."""
        if self._url is None or self._client is None:
            return drawn(user)
        turn = self._turns.setdefault(user.id, anyio.Lock())
        async with turn:
            found = self._remembered(user.id) or await self._fetch(self._client, self._url, user)
            return found or drawn(user, max_age=int(PAUSE))

    def _remembered(self, user_id: ParticipantId) -> Avatar | None:
        until, avatar = self._known.get(user_id, (0.0, None))
        return avatar if until > self._time() else None

    async def _fetch(self, client: httpx.AsyncClient, url: str, user: User) -> Avatar | None:
        if self._not_before.get(user.id, 0.0) > self._time():
            return None
        avatar: Avatar | None = None
        try:
            with anyio.fail_after(TIMEOUT):
                avatar = await _ask(client, url.replace("{seed}", quote(user.id, safe="")))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            log.warning("avatar.unavailable", user_id=user.id, reason=type(error).__name__)
        if avatar is None:
            if len(self._not_before) >= MOST:
                self._not_before.clear()
            self._not_before[user.id] = self._time() + PAUSE
            return None
        self._known[user.id] = (self._time() + KEPT, avatar)
        self._known.move_to_end(user.id)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return avatar


async def _ask(client: httpx.AsyncClient, url: str) -> Avatar | None:
    """What the service answers; None when it is no picture that we take. Redirects are not followed."""
    async with client.stream("GET", url, follow_redirects=False) as answer:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status_code != httpx.codes.OK or kind not in _KINDS:
            log.warning("avatar.refused", status=answer.status_code, content_type=kind[:64])
            return None
        data = bytearray()
        async for chunk in answer.aiter_bytes():
            data += chunk
            if len(data) > LARGEST:
                log.warning("avatar.too_large", limit=LARGEST)
                return None
    return _avatar(bytes(data), kind, max_age=int(KEPT)) if data else None


def drawn(user: User, *, max_age: int = int(KEPT)) -> Avatar:
    """A circle with the person's initials, dark on light (contrast above 7:1, WCAG 2.2 AAA), in a colour that is their id's."""
    hue = hashlib.sha256(user.id.encode()).digest()[0] % _HUES * (360 // _HUES)
    words = user.participant.name.split()
    initials = "".join(word[0] for word in (words[0], *words[1:][-1:])).upper() if words else "?"
    letters = "".join(f"&#{ord(letter)};" for letter in initials[:4])
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
        f'<circle cx="32" cy="32" r="32" fill="hsl({hue},60%,88%)"/>'
        f'<text x="32" y="33" fill="hsl({hue},70%,18%)" font-family="system-ui,sans-serif" font-size="26" font-weight="600" '
        f'text-anchor="middle" dominant-baseline="central">{letters}</text></svg>'
    )
    return _avatar(svg.encode(), "image/svg+xml", max_age=max_age)


def _avatar(data: bytes, content_type: str, *, max_age: int) -> Avatar:
    return Avatar(data, content_type, hashlib.sha256(data).hexdigest()[:32], max_age)
