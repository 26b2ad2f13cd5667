"""Accounts: signing up, in and out, one's own profile, and other people."""

from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from engine.accounts.forms import Credentials, Identity, ProfileChanges, Registration, SignIn
from engine.domain.fields import ParticipantId, ParticipantKind, Status
from engine.domain.people import Principal, User
from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.settings import Settings
from gateway.rest.auth import check_csrf, check_origin
from gateway.rest.cookies import REFRESH_TOKEN, sign_in_cookies, sign_out_cookies
from gateway.rest.endpoints import Access, Endpoint, Reply, get, patch, post
from gateway.rest.pages import Page, PageQuery, page

_DAY: Final = 86_400
"""Seconds."""


class LoginQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`cookies=true` keeps the tokens in cookies, out of the page's reach."""

    cookies: bool = False


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The refresh token; browsers leave it out, it is in their cookie."""

    refresh_token: str | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return "Refresh()"


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and the tokens unless they are in cookies. `expires_in` is the access token's life in seconds."""

    access_token: str | UnsetType = UNSET
    token_type: str
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    user: User

    def __repr__(self) -> str:
        """Without the tokens."""
        return f"SignedIn(user={self.user.id!r})"


class PublicUser(msgspec.Struct, frozen=True, kw_only=True):
    """A person as others see them."""

    id: ParticipantId
    kind: ParticipantKind
    name: str
    username: str
    status: Status


async def register(engine: Engine, body: Registration) -> User:
    """Sign up. The email and the username must be new, in any case."""
    return await engine.accounts.register(body)


async def login(
    request: web.Request, engine: Engine, settings: Settings, body: Credentials, query: LoginQuery
) -> Reply[SignedIn]:
    """Sign in with email or username. With `?cookies=true` the answer sets cookies and holds no tokens."""
    if query.cookies:
        check_origin(request, frozenset(settings.allowed_origins))
    signed_in = await engine.accounts.login(body.login, body.password)
    return _reply(request, settings, signed_in, cookies=query.cookies)


async def refresh(request: web.Request, engine: Engine, settings: Settings, body: Refresh | None) -> Reply[SignedIn]:
    """Exchange a refresh token for a new pair. One that comes back after its exchange ends the sign-in it belongs to."""
    token = body.refresh_token if body else None
    by_cookie = token is None
    if token is None:
        token = request.cookies.get(REFRESH_TOKEN)
        if not token:
            raise InvalidRequest.field("refresh_token", "is required, in the body or in its cookie")
        check_csrf(request)
    signed_in = await engine.accounts.refresh(token)
    return _reply(request, settings, signed_in, cookies=by_cookie)


async def logout(request: web.Request, engine: Engine, identity: Identity) -> Reply[None]:
    """Sign out on this device: none of its tokens is good any more."""
    await engine.accounts.logout(identity.family_id)
    return Reply(None, cookies=sign_out_cookies(request))


async def read_me(identity: Identity) -> User:
    """The account that is signed in."""
    return identity.user


async def change_me(engine: Engine, by: Principal, body: ProfileChanges) -> User:
    """Change one's display name, language or status."""
    return await engine.accounts.update_profile(by.id, body)


async def read_user(engine: Engine, by: Principal, user_id: ParticipantId) -> PublicUser:  # noqa: ARG001 - signed in is all
    """A person as others see them."""
    return _public(await engine.accounts.user(user_id))


async def search_users(engine: Engine, by: Principal, query: PageQuery) -> Page[PublicUser]:  # noqa: ARG001 - signed in is all
    """People whose username begins with `query`."""
    after = None if query.after is None else ParticipantId(query.after)
    users = await engine.accounts.search(query.query or "", after=after, limit=query.limit + 1)
    return page([_public(user) for user in users], query.limit, lambda user: user.id)


def _public(user: User) -> PublicUser:
    seen = user.participant
    return PublicUser(id=seen.id, kind=seen.kind, name=seen.name, username=user.username, status=user.status)


def _reply(request: web.Request, settings: Settings, signed_in: SignIn, *, cookies: bool) -> Reply[SignedIn]:
    public = SignedIn(token_type=signed_in.token_type, expires_in=signed_in.expires_in, user=signed_in.user)
    if cookies:
        seconds = settings.refresh_token_days * _DAY
        return Reply(public, cookies=sign_in_cookies(request, signed_in, refresh_seconds=seconds))
    return Reply(
        msgspec.structs.replace(public, access_token=signed_in.access_token, refresh_token=signed_in.refresh_token)
    )


_AUTH: Final = "Signing in"
_PEOPLE: Final = "People"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post("/auth/register", register, tag=_AUTH, status=201, access=Access.PUBLIC, problems=("conflict", "forbidden")),
    post(
        "/auth/login",
        login,
        tag=_AUTH,
        access=Access.PUBLIC,
        problems=("unauthenticated", "csrf_failed", "rate_limited"),
    ),
    post("/auth/refresh", refresh, tag=_AUTH, access=Access.PUBLIC, problems=("unauthenticated", "csrf_failed")),
    post("/auth/logout", logout, tag=_AUTH),
    get("/me", read_me, tag=_PEOPLE),
    patch("/me", change_me, tag=_PEOPLE),
    get("/users", search_users, tag=_PEOPLE),
    get("/users/{user_id}", read_user, tag=_PEOPLE),
)
