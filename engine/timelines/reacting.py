"""The rules of reactions: decisions over a turn, without I/O."""

import unicodedata
from typing import Final

from engine.domain.events import ReactionAdded, ReactionRemoved
from engine.domain.messages import Message
from engine.errors import Conflict, InvalidRequest
from engine.timelines.commands import React, Unreact
from engine.timelines.posting import existing
from engine.timelines.turn import Turn

KINDS: Final = 30
"""How many different reactions a message may have."""
LONGEST: Final = 16
"""Code points of an emoji: a family of four with skin tones has eleven."""

_KEYCAP = "\u20e3"
_PARTS = frozenset("\u200d\ufe0e\ufe0f")
"""What joins or styles symbols: zero-width joiner, variation selectors."""
_TAGS = range(0xE0020, 0xE0080)
"""The tags that spell the flag of a region."""


def react(turn: Turn, command: React) -> Message:
    """Add a reaction."""
    check_emoji(command.emoji)
    message = existing(turn, command.message_id)
    if message.deleted_at is not None:
        raise Conflict("the message is deleted")
    if command.by.id in message.reactions.get(command.emoji, ()):
        return message
    if command.emoji not in message.reactions and len(message.reactions) >= KINDS:
        raise Conflict(f"the message has {KINDS} different reactions already")
    turn.add(
        ReactionAdded(
            offset=turn.next_offset,
            at=turn.now,
            actor=command.by.id,
            message_id=message.id,
            emoji=command.emoji,
        )
    )
    return existing(turn, message.id)


def unreact(turn: Turn, command: Unreact) -> Message:
    """Take a reaction back."""
    message = existing(turn, command.message_id)
    if command.by.id not in message.reactions.get(command.emoji, ()):
        return message
    turn.add(
        ReactionRemoved(
            offset=turn.next_offset,
            at=turn.now,
            actor=command.by.id,
            message_id=message.id,
            emoji=command.emoji,
        )
    )
    return existing(turn, message.id)


def check_emoji(emoji: str) -> None:
    """Refuse what is not one emoji: symbols and what joins them, no letters, no spaces."""
    symbols = [each for each in emoji if each not in _PARTS and ord(each) not in _TAGS]
    keycap = len(symbols) == 2 and symbols[1] == _KEYCAP and symbols[0] in "0123456789#*"  # noqa: PLR2004 - digit, cap
    if not symbols or len(emoji) > LONGEST or not (keycap or all(map(_is_symbol, symbols))):
        raise InvalidRequest.field("emoji", f"one emoji of at most {LONGEST} code points")


def _is_symbol(character: str) -> bool:
    # So and Sm: pictures and arrows; Sk: skin tones; Po, for the two that are emoji (Unicode TR 51).
    return unicodedata.category(character) in {"So", "Sm", "Sk"} or character in "\u203c\u2049"
