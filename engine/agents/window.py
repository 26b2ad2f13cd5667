"""The recent window: how much of what was said before fits a budget of tokens."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from engine.domain.messages import Message

T = TypeVar("T")

MOST: Final = 100
"""Messages, however short they are."""
_BYTES: Final = 4
"""UTF-8 bytes of a token: about right for English, Chinese and Japanese; see `models.prompt.estimate`."""
_FRAME: Final = 8
"""Tokens around each message, memory or chunk: its author, and what sets it apart."""


def tokens_of(size: int) -> int:
    """About how many tokens so many UTF-8 bytes are."""
    return -(-size // _BYTES)


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return tokens_of(len(text.encode(errors="replace")))


def affordable(best_first: Iterable[T], text: Callable[[T], str], budget: int) -> Iterator[T]:
    """The best that fit together into so many tokens: what is too long for what is left makes room for a shorter one behind it."""
    for each in best_first:
        cost = tokens(text(each)) + _FRAME
        if cost <= budget:
            budget -= cost
            yield each


def fitting(newest_first: Iterable[Message], budget: int) -> list[Message]:
    """The newest messages that fit together, oldest first; the newest one whatever it takes. Deleted ones are left out."""
    kept: list[Message] = []
    for message in newest_first:
        if message.deleted_at is not None:
            continue
        budget -= tokens(message.text) + _FRAME
        if kept and budget < 0:
            break
        kept.append(message)
    kept.reverse()
    return kept
