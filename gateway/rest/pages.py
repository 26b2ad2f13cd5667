"""Lists in pages: `{items, next}`, where `next` is the cursor to give as `after` for the following page, null on the last."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T", bound=msgspec.Struct)

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

HIGHEST_OFFSET: Final = 2**53
"""JavaScript counts no further."""

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="how many at most")]
Offset: TypeAlias = Annotated[int, Meta(ge=0, le=HIGHEST_OFFSET, description="an event's offset in its timeline")]
Cursor: TypeAlias = Annotated[str, Meta(pattern=UUID, description="`next` of the page before")]
SearchText: TypeAlias = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00]*$")]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: list[T]
    next: str | None = None


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of which matches."""

    query: SearchText | None = None
    after: Cursor | None = None
    limit: Limit = 50


def page(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """The page made of `rows`, which were read with a limit one higher to learn whether more follow."""
    items = list(rows[:limit])
    return Page(items, cursor(items[-1]) if len(rows) > limit else None)
