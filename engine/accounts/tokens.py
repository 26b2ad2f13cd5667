"""The two tokens of a sign-in, computed without I/O.

An access token is a JWT (HS256) that names the person by id, never by name, and lives for minutes. A refresh token is 256
random bits of which only the SHA-256 is stored. Neither can pass for the other: one is signed claims, the other means nothing
outside the database.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Literal

import jwt
import msgspec

from engine.domain.fields import ParticipantId
from engine.errors import TokenExpired, Unauthenticated

_LONGEST = 2048
"""Bytes of an access token that are looked at; ours have about 300."""
_YEAR_9999 = 253_402_300_799
"""The last second that a datetime can tell."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an access token says. `fam` is the sign-in it belongs to; `iat` and `exp` are in seconds since 1970 (RFC 7519)."""

    sub: ParticipantId
    typ: Literal["access"]
    fam: str
    iat: Annotated[int, msgspec.Meta(ge=0, le=_YEAR_9999)]
    exp: Annotated[int, msgspec.Meta(ge=0, le=_YEAR_9999)]

    @property
    def expires_at(self) -> datetime:
        """The moment from which the token is no longer good."""
        return datetime.fromtimestamp(self.exp, UTC)


class AccessTokens:
    """Signs and reads access tokens. `seconds` is how long they live.

    The signing key is derived from the secret, so that a secret of any length gives 256 bits and is used for nothing else.
    """

    def __init__(self, secret: str, *, seconds: int = 900) -> None:
        self.seconds = seconds
        self._key = hmac.digest(secret.encode(), b"gathering access token, HS256", hashlib.sha256)
        self._jws = jwt.PyJWS(algorithms=["HS256"])
        self._decoder = msgspec.json.Decoder(Claims)

    def sign(self, user_id: ParticipantId, family_id: str, *, now: datetime) -> str:
        """A fresh token."""
        issued = int(now.timestamp())
        claims = Claims(sub=user_id, typ="access", fam=family_id, iat=issued, exp=issued + self.seconds)
        return self._jws.encode(msgspec.json.encode(claims), self._key, algorithm="HS256")

    def read(self, token: str, *, now: datetime) -> Claims:
        """The claims of a token that this key signed, in exactly this form.

        `Unauthenticated` for anything else; `TokenExpired` when it was good once.
        """
        claims = self._verified(token)
        if now >= claims.expires_at:
            raise TokenExpired("the access token has expired: refresh it")
        return claims

    def _verified(self, token: str) -> Claims:
        if len(token) > _LONGEST or not token.isascii():
            raise _malformed()
        try:
            # The claims are read by msgspec and the time is ours, so only the signature is left to the library.
            signed = self._jws.decode_complete(token, self._key, algorithms=["HS256"])
            claims = self._decoder.decode(signed["payload"])
        except (jwt.PyJWTError, msgspec.DecodeError, ValueError):
            raise _malformed() from None
        if token.rpartition(".")[2] != urlsafe_b64encode(signed["signature"]).rstrip(b"=").decode():
            # Base64 leaves bits unused: to a lenient decoder, a token with another last letter is the same token.
            raise _malformed()
        return claims


def new_refresh_token() -> str:
    """A secret of 256 bits. The prefix is for people and scanners that find one where it should not be."""
    return f"gathering_refresh_{secrets.token_urlsafe(32)}"


def refresh_digest(refresh_token: str) -> bytes:
    """What is stored of a refresh token. A plain hash is enough: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()


def _malformed() -> Unauthenticated:
    return Unauthenticated("the access token is not valid")
