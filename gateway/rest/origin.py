"""Where a request comes from.

Behind a proxy every connection is the proxy's; it says in `X-Forwarded-For` whose request it passes on, each proxy adding the
address that it saw at the end. Only what a proxy of ours has added is believed: anyone can send the header.
"""

from ipaddress import ip_address, ip_network

from aiohttp import web

from engine.domain.activity import Origin
from engine.settings import Settings
from gateway.middleware import REQUEST_ID

_LONGEST_NAME = 256


def origin_of(request: web.Request, settings: Settings) -> Origin:
    """The client's address, as far as the trusted proxies vouch for it, the request's id, and what the client calls itself."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    return Origin(
        client_address(request.remote, [each.strip() for each in forwarded if each.strip()], settings.trusted_proxies),
        request.get(REQUEST_ID),
        _name(request.headers.get("User-Agent", "")),
    )


def client_address(remote: str | None, forwarded: list[str], trusted: tuple[str, ...]) -> str | None:
    """The last address that is not a trusted proxy's, from the connection's own backwards; None when none is known."""
    address = remote
    for claimed in reversed(forwarded):
        if not _is_trusted(address, trusted) or not _is_address(claimed):
            break
        address = claimed
    return address


def _name(said: str) -> str | None:
    """A client may say anything: what can be shown of it."""
    return "".join(sign for sign in said if sign.isprintable())[:_LONGEST_NAME].strip() or None


def _is_trusted(address: str | None, trusted: tuple[str, ...]) -> bool:
    if not trusted or address is None or not _is_address(address):
        return False
    known = ip_address(address)
    return any(known in ip_network(each, strict=False) for each in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
