"""Accounts: signing up, in and out, one's own profile, and other people."""

from contextlib import suppress
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from engine.accounts.forms import Credentials, Identity, ProfileChanges, Registration, SignIn
from engine.domain.activity import Origin
from engine.domain.agents import AgentAccount
from engine.domain.fields import ParticipantId, ParticipantKind, Status
from engine.domain.people import Principal, User
from engine.domain.quota import Quota
from engine.engine import Engine
from engine.errors import Forbidden, InvalidRequest, NotFound
from engine.settings import Settings
from gateway.problems import ProblemError
from gateway.rest.auth import authenticate, check_csrf, check_origin
from gateway.rest.cookies import ACCESS_TOKEN, REFRESH_TOKEN, Cookie, sign_in_cookies, sign_out_cookies
from gateway.rest.endpoints import Access, Endpoint, Reply, get, patch, post
from gateway.rest.origin import origin_of
from gateway.rest.pages import Page, PageQuery, page

_DAY: Final = 86_400
"""Seconds."""


class CookiesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`cookies=true` sets the tokens as cookies too, out of the page's reach."""

    cookies: bool = False


class Refresh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The refresh token; browsers leave it out, it is in their cookie."""

    refresh_token: str | None = None

    def __repr__(self) -> str:
        """Without the token."""
        return "Refresh()"


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and the tokens unless they stay in cookies. `expires_in` is the access token's life in seconds."""

    access_token: str | UnsetType = UNSET
    token_type: str
    expires_in: int
    refresh_token: str | UnsetType = UNSET
    user: User

    def __repr__(self) -> str:
        """Without the tokens."""
        return f"SignedIn(user={self.user.id!r})"


class PublicUser(msgspec.Struct, frozen=True, kw_only=True):
    """A person or an agent as others see them."""

    id: ParticipantId
    kind: ParticipantKind
    name: str
    username: str
    display_name: str | None
    status: Status


async def register(engine: Engine, origin: Origin, body: Registration) -> User:
    """Sign up. The email and the username must be new, in any case."""
    return await engine.accounts.register(body, origin=origin)


async def login(
    request: web.Request, engine: Engine, settings: Settings, body: Credentials, query: CookiesQuery
) -> Reply[SignedIn]:
    """Sign in with email or username. With `?cookies=true` the tokens are set as cookies too."""
    if query.cookies:
        check_origin(request, frozenset(settings.allowed_origins))
    signed_in = await engine.accounts.login(body.login, body.password, origin=origin_of(request, settings))
    return Reply(_shown(signed_in), cookies=_cookies(request, settings, signed_in) if query.cookies else ())


async def refresh(
    request: web.Request, engine: Engine, settings: Settings, body: Refresh | None, query: CookiesQuery
) -> Reply[SignedIn]:
    """Exchange a refresh token for a new pair. One that comes back after its exchange ends the sign-in it belongs to.

    A token from a cookie is exchanged for cookies alone: no script of the page ever reads it.
    """
    token = body.refresh_token if body else None
    if token is not None:
        if query.cookies:
            check_origin(request, frozenset(settings.allowed_origins))
        signed_in = await engine.accounts.refresh(token)
        return Reply(_shown(signed_in), cookies=_cookies(request, settings, signed_in) if query.cookies else ())
    token = _refresh_cookie(request)
    if not token:
        raise InvalidRequest.field("refresh_token", "is required, in the body or in its cookie")
    signed_in = await engine.accounts.refresh(token)
    return Reply(_shown(signed_in, tokens=False), cookies=_cookies(request, settings, signed_in))


async def logout(request: web.Request, engine: Engine, body: Refresh | None) -> Reply[None]:
    """Sign out on this device: none of its tokens is good any more. Its refresh token will do, when the access token has expired."""
    token = body.refresh_token if body else None
    if "Authorization" not in request.headers and ACCESS_TOKEN not in request.cookies:
        token = token or _refresh_cookie(request)
    elif token is None:
        identity = await authenticate(request, engine.accounts, Access.SIGNED_IN)
        assert identity is not None
        if identity.api_key is not None:
            raise Forbidden("an API key is revoked, not signed out")
        await engine.accounts.logout(identity.family_id)
        return Reply(None, cookies=sign_out_cookies(request))
    if not token:
        raise ProblemError("unauthenticated", "sign in first: send an access token, or the refresh token")
    await engine.accounts.logout_by(token)
    return Reply(None, cookies=sign_out_cookies(request))


async def read_me(identity: Identity) -> User:
    """The account that is signed in."""
    return identity.user


async def change_me(engine: Engine, by: Principal, body: ProfileChanges) -> User:
    """Change one's display name, language or status."""
    return await engine.accounts.update_profile(by.id, body)


async def read_quota(engine: Engine, identity: Identity) -> Quota:
    """One's weekly quota of messages: how many may be posted from Monday to Monday (00:00 UTC), and how many have been."""
    return await engine.accounts.quota(identity.user)


async def read_user(engine: Engine, by: Principal, user_id: ParticipantId) -> PublicUser:  # noqa: ARG001 - signed in is all
    """A person or an agent as others see them."""
    return _public(await someone(engine, user_id))


async def search_users(engine: Engine, by: Principal, query: PageQuery) -> Page[PublicUser]:  # noqa: ARG001 - signed in is all
    """People whose username begins with `query`."""
    after = None if query.after is None else ParticipantId(query.after)
    users = await engine.accounts.search(query.query or "", after=after, limit=query.limit + 1)
    return page([_public(user) for user in users], query.limit, lambda user: user.id)


async def someone(engine: Engine, participant_id: ParticipantId) -> User:
    """A person, or an agent as an account of its own kind; `NotFound`."""
    try:
        return await engine.accounts.user(participant_id)
    except NotFound:
        with suppress(NotFound):
            return AgentAccount.of(await engine.agents.read(participant_id))
        raise


def _public(user: User) -> PublicUser:
    seen = user.participant
    return PublicUser(
        id=seen.id,
        kind=seen.kind,
        name=seen.name,
        username=user.username,
        display_name=user.display_name,
        status=user.status,
    )


def _refresh_cookie(request: web.Request) -> str:
    """The refresh token of a browser; empty without one. `csrf_failed` unless the page shows that it is ours."""
    token = request.cookies.get(REFRESH_TOKEN, "")
    if token:
        check_csrf(request)
    return token


def _shown(signed_in: SignIn, *, tokens: bool = True) -> SignedIn:
    return SignedIn(
        access_token=signed_in.access_token if tokens else UNSET,
        token_type=signed_in.token_type,
        expires_in=signed_in.expires_in,
        refresh_token=signed_in.refresh_token if tokens else UNSET,
        user=signed_in.user,
    )


def _cookies(request: web.Request, settings: Settings, signed_in: SignIn) -> tuple[Cookie, ...]:
    return sign_in_cookies(request, signed_in, refresh_seconds=settings.refresh_token_days * _DAY)


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
    post(
        "/auth/logout",
        logout,
        tag=_AUTH,
        access=Access.PUBLIC,
        problems=("unauthenticated", "csrf_failed", "forbidden"),
    ),
    get("/me", read_me, tag=_PEOPLE),
    patch("/me", change_me, tag=_PEOPLE),
    get("/me/quota", read_quota, tag=_PEOPLE),
    get("/users", search_users, tag=_PEOPLE),
    get("/users/{user_id}", read_user, tag=_PEOPLE),
)
