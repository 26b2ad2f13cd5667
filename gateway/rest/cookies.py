"""The cookies of a browser that signed in with `?cookies=true`.

Both tokens are out of reach for scripts (HttpOnly); the refresh token travels to `/api/v1/auth` only. The third cookie can be read:
a page proves that it belongs to us by echoing it in `X-CSRF-Token` (OWASP: double submit), which another site cannot.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from yarl import URL

from engine.accounts.forms import SignIn
from engine.secret_key import is_loopback

ACCESS_TOKEN: Final = "access_token"  # noqa: S105 - the cookie's name
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - the cookie's name
CSRF_TOKEN: Final = "csrf_token"  # noqa: S105 - the cookie's name
CSRF_HEADER: Final = "X-CSRF-Token"
REFRESH_PATH: Final = "/api/v1/auth"


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie to set; `max_age` is in seconds, 0 removes it."""

    name: str
    value: str
    max_age: int
    path: str = "/"
    script_readable: bool = False
    secure: bool = True

    def set_on(self, response: web.StreamResponse) -> None:
        """Put it on a response."""
        response.set_cookie(
            self.name,
            self.value,
            max_age=self.max_age,
            path=self.path,
            httponly=not self.script_readable,
            secure=self.secure,
            samesite="Lax",
        )


def sign_in_cookies(request: web.Request, signed_in: SignIn, *, refresh_seconds: int) -> tuple[Cookie, ...]:
    """The cookies that hold a pair of tokens, with a fresh CSRF token; the refresh token lives for `refresh_seconds`."""
    secure = _secure(request)
    return (
        Cookie(ACCESS_TOKEN, signed_in.access_token, signed_in.expires_in, secure=secure),
        Cookie(REFRESH_TOKEN, signed_in.refresh_token, refresh_seconds, path=REFRESH_PATH, secure=secure),
        Cookie(CSRF_TOKEN, secrets.token_urlsafe(24), refresh_seconds, script_readable=True, secure=secure),
    )


def sign_out_cookies(request: web.Request) -> tuple[Cookie, ...]:
    """The cookies that remove those of `sign_in_cookies`."""
    secure = _secure(request)
    return (
        Cookie(ACCESS_TOKEN, "", 0, secure=secure),
        Cookie(REFRESH_TOKEN, "", 0, path=REFRESH_PATH, secure=secure),
        Cookie(CSRF_TOKEN, "", 0, script_readable=True, secure=secure),
    )


def _secure(request: web.Request) -> bool:
    """Whether browsers may send the cookies over TLS only: always, except to this very machine.

    Behind a proxy that ends TLS the request itself is plain, so it is the name that was asked for that decides.
    """
    return request.secure or not is_loopback(_host_name(request))


def _host_name(request: web.Request) -> str:
    """The name or address that was asked for, without the port; empty when there is none."""
    try:
        return URL.build(scheme="http", authority=request.host).host or ""
    except ValueError:
        return ""
