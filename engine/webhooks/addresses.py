"""Which addresses a webhook may have: what a URL must look like, and which machines must never be reached through one.

Whoever registers a webhook makes this server send requests for them. Without a guard that reaches the services beside the server:
its database, the metadata service of its cloud (OWASP, Server Side Request Forgery Prevention).
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from engine.errors import InvalidRequest

URL_CHARACTERS = 2048
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""RFC 3986, section 2: other characters come percent-encoded, other scripts in host names as Punycode."""
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?")
_NAT64 = IPv6Network("64:ff9b::/96")


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuse what cannot be a webhook's URL: `InvalidRequest` names the rule. Names are looked up when a request is made."""
    if len(url) > URL_CHARACTERS:
        raise _refused(f"has {len(url)} characters, at most {URL_CHARACTERS} are allowed")
    if not _URL.fullmatch(url):
        raise _refused("holds characters that a URL has only percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("is not a URL") from None
    if parts.scheme not in {"http", "https"}:
        raise _refused("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise _refused("must hold no credentials: check the signature instead")
    if parts.fragment or url.endswith("#"):
        raise _refused("must hold no fragment")
    if port == 0:
        raise _refused("has no such port: 0")
    _check_host(parts, allow_private=allow_private)


def _check_host(parts: SplitResult, *, allow_private: bool) -> None:
    host = parts.hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise _refused("names no host") from None
        if not allow_private and host.rstrip(".").rpartition(".")[2] == "localhost":
            raise _refused("names this machine") from None
        return
    if not allow_private and not is_public(address):
        raise _refused(f"is an address that cannot be reached from outside: {host}")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether this is a machine on the internet: not this one, not a neighbour, no group. Embedded IPv4 addresses count."""
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or tunnel would bring this one to."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def host_of(url: str) -> str:
    """The host of a URL that has been checked: what requests are counted by."""
    return urlsplit(url).hostname or ""


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest.field("url", message)
