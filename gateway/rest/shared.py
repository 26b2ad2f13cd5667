"""Operations that rooms and conversations have alike, each under both addresses."""

from collections.abc import Callable
from typing import Any, TypeAlias

from gateway.rest.endpoints import Endpoint, Handler

Declare: TypeAlias = Callable[..., Endpoint]
"""`get`, `post` and the others of `gateway.rest.endpoints`."""


def shared(
    declare: Declare, path: str, handler: Handler, *, problems: tuple[str, ...] = (), **options: Any
) -> tuple[Endpoint, Endpoint]:
    """Declare an operation that rooms and conversations have alike, under `/rooms/{room_id}` and `/conversations/{conversation_id}`."""
    name = handler.__name__
    return (
        declare("/rooms/{room_id}" + path, handler, problems=("forbidden", *problems), **options),
        declare(
            "/conversations/{conversation_id}" + path,
            handler,
            problems=("forbidden", *problems),
            name=f"{name}_in_conversation",
            **options,
        ),
    )
