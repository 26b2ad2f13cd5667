"""Who is asking: a bearer token, or the cookies of a browser.

A bearer header wins over cookies. Cookies come along by themselves, so with them every request that changes something must also
show the CSRF token.
"""

import hmac

from aiohttp import web
from structlog.contextvars import bind_contextvars
from yarl import URL

from engine.accounts.accounts import Accounts
from engine.accounts.forms import Identity
from engine.domain.fields import AccountRole
from gateway.problems import ProblemError
from gateway.rest.cookies import ACCESS_TOKEN, CSRF_HEADER, CSRF_TOKEN
from gateway.rest.endpoints import SAFE_METHODS, Access


async def authenticate(request: web.Request, accounts: Accounts, access: Access) -> Identity | None:
    """Whoever is signed in and may call an endpoint with this access; None when it is public.

    Raises `Unauthenticated`, or `ProblemError` with `unauthenticated`, `csrf_failed` or `forbidden`.
    """
    if access is Access.PUBLIC:
        return None
    bearer = bearer_token(request)
    token = bearer if bearer is not None else request.cookies.get(ACCESS_TOKEN, "")
    if not token:
        raise ProblemError("unauthenticated", "sign in first: send an access token")
    if not token.isascii():
        raise ProblemError("unauthenticated", "the access token is not one of ours")
    identity = await accounts.authenticate(token)
    if bearer is None and request.method not in SAFE_METHODS:
        check_csrf(request)
    bind_contextvars(user_id=identity.user.id)
    if access is Access.ADMIN and identity.user.role is not AccountRole.ADMIN:
        raise ProblemError("forbidden", "this is for administrators")
    return identity


def bearer_token(request: web.Request) -> str | None:
    """The token of the Authorization header; None without the header. `unauthenticated` when it is not a bearer token."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ProblemError("unauthenticated", "the Authorization header is not 'Bearer <access token>'")
    return token.strip()


def check_csrf(request: web.Request) -> None:
    """Raise `csrf_failed` unless the header repeats the cookie."""
    cookie = request.cookies.get(CSRF_TOKEN, "").encode(errors="replace")
    header = request.headers.get(CSRF_HEADER, "").encode(errors="replace")
    if not cookie or not hmac.compare_digest(cookie, header):
        raise ProblemError("csrf_failed", f"send the csrf_token cookie's value in {CSRF_HEADER}")


def check_origin(request: web.Request, allowed_origins: frozenset[str]) -> None:
    """Raise `csrf_failed` when another site's page sent this: it could otherwise sign a browser in as someone else."""
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed_origins:
        return
    if _authority(origin) != request.host:
        raise ProblemError("csrf_failed", f"pages of {origin[:100]} may not sign people in here")


def _authority(origin: str) -> str:
    try:
        return URL(origin).authority
    except ValueError:
        return ""
