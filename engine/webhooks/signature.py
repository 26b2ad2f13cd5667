"""Signatures as the Standard Webhooks specification has them, version 1.0.0, symmetric scheme `v1`.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
HMAC-SHA256 of `{id}.{timestamp}.{body}` with the decoded secret, in base64 after `v1,`. Secrets are 24 to 64 random bytes, shown as
`whsec_` and their base64. The id and the timestamp (seconds since 1970) hold no full stop, so that the three parts cannot be
divided in another way.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
SECRET_BYTES = 32


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh secret; `random_bytes` gives so many bytes fit for cryptography (`secrets.token_bytes`)."""
    return SECRET_PREFIX + b64encode(random_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`. ValueError for a secret that is not base64, and for an id with a full stop."""
    if "." in message_id:
        msg = f"the id {message_id!r} holds a full stop, which separates what is signed"
        raise ValueError(msg)
    key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, sha256)
    return f"v1,{b64encode(signed).decode()}"


def headers(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of an attempt that is made now, at `at`: each attempt has its own timestamp, and the same id."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }
