"""The REST interface as the terminal uses it: sign in, rooms, members. Renews the tokens.

async with Rest(URL("http://127.0.0.1:8080")) as rest:
    me = await rest.sign_in("ada", password)
    rooms = await rest.rooms("lobby")
"""

from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import anyio
import msgspec
from yarl import URL

from gateway.client.remote import Refused, Remote, SignedOut, Unreachable, query
from gateway.terminal.text import one_line
from gateway.terminal.wire import Account, Conversation, Member, Room, T, Unread

_PAGE: Final = 100


class _SignIn(msgspec.Struct, frozen=True):
    access_token: str
    refresh_token: str
    user: Account


class Rest:
    """One person's way to one server. Everything raises `Refused` or `Unreachable`; cancelling is safe everywhere."""

    def __init__(self, server: URL) -> None:
        self.server = server
        self.access_token = ""
        self._refresh_token = ""
        self._renewing = anyio.Lock()
        self._remote = Remote(server)

    async def __aenter__(self) -> Self:
        await self._remote.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._remote.__aexit__(kind, error, trace)

    # -- signing in ----------------------------------------------------------------------------------------------------

    async def sign_up(self, username: str, email: str, password: str) -> None:
        """Open an account."""
        body = {"username": username, "email": email, "password": password}
        await self._send("POST", "/auth/register", body)

    async def sign_in(self, login: str, password: str) -> Account:
        """Sign in with the username or the email; what is asked from now on is asked as this person."""
        body = await self._send("POST", "/auth/login", {"login": login, "password": password})
        return self._take(body).user

    async def renewed(self, rejected: str) -> str:
        """An access token that is newer than `rejected`. `SignedOut` when there cannot be one.

        Those who ask at the same time share one renewal: a refresh token is good for one exchange.
        """
        async with self._renewing:
            if self.access_token != rejected:
                return self.access_token
            try:
                # Shielded: when it is abandoned half-way, the one refresh token there is has been spent.
                with anyio.CancelScope(shield=True):
                    body = await self._send("POST", "/auth/refresh", {"refresh_token": self._refresh_token})
            except Refused as refused:
                if refused.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                    raise SignedOut(refused.status, refused.code, str(refused)) from refused
                raise
            return self._take(body).access_token

    async def sign_out(self) -> None:
        """End the sign-in; what the server makes of it does not matter any more."""
        try:
            await self._send("POST", "/auth/logout", {"refresh_token": self._refresh_token})
        except (Refused, Unreachable):
            return

    # -- rooms and people ----------------------------------------------------------------------------------------------

    async def rooms(self, part: str = "", *, most: int = _PAGE) -> list[Room]:
        """Open rooms that one may know of, at most `most`; `part` is one of the name."""
        found: list[Room] = []
        after: str | None = None
        while len(found) < most:
            parameters = {"limit": str(min(_PAGE, most - len(found)))}
            parameters |= {"query": part} if part else {}
            parameters |= {"after": after} if after else {}
            body = await self.call("GET", f"/rooms?{query(parameters)}")
            found += _items(Room, body)
            after = body.get("next") if isinstance(body, dict) else None
            if not after:
                break
        return found

    async def room(self, room_id: str) -> Room:
        """One room."""
        return _one(Room, await self.call("GET", f"/rooms/{quote(room_id, safe='')}"))

    async def create_room(self, name: str, description: str, *, private: bool) -> Room:
        """Open a room; its founder is its owner."""
        body = {"name": name, "description": description, "visibility": "private" if private else "public"}
        return _one(Room, await self.call("POST", "/rooms", body))

    async def join(self, room_id: str) -> Room:
        """Become a member."""
        return _one(Room, await self.call("POST", f"/rooms/{quote(room_id, safe='')}/join"))

    async def leave(self, room_id: str) -> None:
        """Stop being one."""
        await self.call("POST", f"/rooms/{quote(room_id, safe='')}/leave")

    async def members(self, room_id: str) -> list[Member]:
        """The members of a room that one is a member of, with their presence."""
        return _items(Member, await self.call("GET", f"/rooms/{quote(room_id, safe='')}/members"))

    async def conversations(self) -> list[Conversation]:
        """Private and group conversations that one takes part in; none where the server has no such thing."""
        try:
            return _items(Conversation, await self.call("GET", "/conversations"))
        except Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND:
                return []
            raise

    async def unread(self) -> list[Unread] | None:
        """One's timelines and what is unread in each; None where the server does not count."""
        try:
            body = await self.call("GET", "/me/unread")
        except Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return _items(Unread, body if isinstance(body, dict) else {"items": body})

    # -- asking --------------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Ask as whoever is signed in; an access token that has expired is renewed once."""
        token = self.access_token
        try:
            return await self._send(method, path, body, token)
        except Refused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
        return await self._send(method, path, body, await self.renewed(token))

    def _take(self, body: Any) -> _SignIn:
        signed_in = _one(_SignIn, body)
        self.access_token, self._refresh_token = signed_in.access_token, signed_in.refresh_token
        return signed_in

    async def _send(self, method: str, path: str, body: object = None, token: str = "") -> Any:
        try:
            return await self._remote.call(method, path, body, token=token)
        except Refused as refused:
            raise Refused(refused.status, refused.code, one_line(str(refused))) from refused
        except Unreachable as unreachable:
            raise Unreachable(one_line(str(unreachable))) from unreachable


def _one(kind: type[T], body: Any) -> T:
    try:
        return msgspec.convert(body, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Unreachable("what answers there is not a Gathering server") from error


def _items(kind: type[T], body: Any) -> list[T]:
    items = body.get("items") if isinstance(body, dict) else None
    return _one(list[kind], items)  # type: ignore[valid-type] # made at run time
