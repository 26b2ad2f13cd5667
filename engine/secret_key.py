"""The secret key: given, or made once and kept beside the database of a server that only this machine can reach."""

import ipaddress
import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from engine.settings import Settings, SettingsError

_SHORTEST = 16
"""Characters of a key for a server that others can reach; guessing a shorter one offline forges every token."""


def with_secret_key(settings: Settings) -> Settings:
    """The same settings with a secret key in any case. Blocking; to be called once, before the server starts.

    Raises `SettingsError` when it must be set and is not, or is too short: a server that listens beyond loopback has one
    that its operator chose and can keep across machines.
    """
    loopback = is_loopback(settings.host)
    if settings.secret_key is not None:
        if not loopback and len(settings.secret_key.get_secret_value()) < _SHORTEST:
            raise SettingsError(f"secret_key must have at least {_SHORTEST} characters when host is {settings.host}")
        return settings
    if not loopback:
        raise SettingsError(
            f"secret_key is required when host is {settings.host}: set GATHERING_SECRET_KEY to a long random value"
        )
    database = settings.sqlite_path
    folder = Path("var") if database is None else database.parent
    return settings.model_copy(update={"secret_key": SecretStr(_kept(folder / "secret.key"))})


def is_loopback(host: str) -> bool:
    """Whether a server on this address can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _kept(path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the secret key cannot be kept in {path}: {error}") from None
    if not secret:
        raise SettingsError(f"{path} is empty: remove it, and a new secret key is made")
    return secret


def _make(path: Path) -> None:
    """All of it or nothing, readable by its owner only; of several processes the first one's key is the key."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()
