"""How settings are shown: as TOML that `--config` would read, without their secrets."""

import json
import re
from enum import Enum

from pydantic import SecretStr

from engine.settings import Settings

MASK = "********"

_URL_SECRET = re.compile(r"(?<=[?&])([^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def rendered(settings: Settings) -> list[str]:
    """One line `name = value` for each setting; one that has no value is a comment."""
    lines = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if name == "database_url":
            value = masked_url(value)
        lines.append(f"# {name} is not set" if value is None else f"{name} = {_toml(value)}")
    return lines


def masked_url(url: str) -> str:
    """A database URL without its password, wherever in it that stands."""
    scheme, separator, rest = url.partition("://")
    userinfo, at, tail = rest.rpartition("@")
    if at and ":" in userinfo:
        userinfo = f"{userinfo.partition(':')[0]}:{MASK}"
    shown = _URL_SECRET.sub(rf"\g<1>{MASK}", f"{userinfo}{at}{tail}")
    return f"{scheme}{separator}{shown}"


def _toml(value: object) -> str:
    """TOML's basic strings, numbers, booleans and arrays are JSON's."""
    if isinstance(value, SecretStr):
        value = MASK
    if isinstance(value, Enum):
        value = value.value
    return json.dumps(value, ensure_ascii=False)
