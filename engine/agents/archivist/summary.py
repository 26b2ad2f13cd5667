"""A summary by extraction: the messages that have most of what a time was about, in their order."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from engine.agents.archivist.asking import COMMON
from engine.domain.messages import Message
from engine.search.words import words

MOST: Final = 5
"""Messages of a summary."""
_SHORT: Final = 3
"""Words below which a message says too little to stand for others."""


def extract(messages: Sequence[Message], most: int = MOST) -> list[Message]:
    """The most telling of these messages, oldest first.

    A word weighs as much as it is frequent here; a message as the words that no chosen message has said before, over the root of its
    length. So the first is the most typical one, and each further one adds something.
    """
    terms = {message.id: _terms(message) for message in messages}
    frequency = Counter(term for found in terms.values() for term in found)
    left = [message for message in messages if len(terms[message.id]) >= _SHORT] or list(messages)
    chosen: list[Message] = []
    told: set[str] = set()
    while left and len(chosen) < most:
        best = max(left, key=lambda each: (_weight(terms[each.id] - told, frequency, terms[each.id]), -each.offset))
        left.remove(best)
        if chosen and not terms[best.id] - told:
            break
        chosen.append(best)
        told |= terms[best.id]
    return sorted(chosen, key=lambda each: each.offset)


def _terms(message: Message) -> set[str]:
    return {word.text for word in words(message.text) if word.text not in COMMON and len(word.text) > 1}


def _weight(new: set[str], frequency: Counter[str], own: set[str]) -> float:
    return sum(frequency[term] for term in new) / math.sqrt(len(own) or 1)
