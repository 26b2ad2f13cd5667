"""The recent window: how much of what was said before fits a budget of tokens."""

from collections.abc import Iterable
from typing import Final

from engine.domain.messages import Message

MOST: Final = 100
"""Messages, however short they are."""
_BYTES: Final = 4
"""UTF-8 bytes of a token: about right for English, Chinese and Japanese; see `models.prompt.estimate`."""
_FRAME: Final = 8
"""Tokens around each message: its author, and what sets it apart."""


def tokens_of(size: int) -> int:
    """About how many tokens so many UTF-8 bytes are."""
    return -(-size // _BYTES)


def tokens(text: str) -> int:
    """About how many tokens a text has."""
    return tokens_of(len(text.encode(errors="replace")))


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
