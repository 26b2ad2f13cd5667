"""Messages and events as a server would send them."""

from typing import Any

ADA = {"id": "ada", "kind": "user", "name": "Ada"}
BOB = {"id": "bob", "kind": "user", "name": "Bob"}
AT = "2026-11-24T10:{minute:02d}:00Z"


def message(
    offset: int, text: str = "", *, author: dict[str, str] = BOB, minute: int = 0, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"m{offset}",
        "timeline_id": "t",
        "offset": offset,
        "author": author,
        "text": text or f"text {offset}",
        "created_at": AT.format(minute=minute),
        **more,
    }


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "at": AT.format(minute=0), "actor": "bob", **fields}


def posted(offset: int, text: str = "", **more: Any) -> dict[str, Any]:
    return event("message.posted", offset=offset, message=message(offset, text, **more))
