"""What of its documents an agent is given for a question: full text under a budget of tokens. Without I/O.

A chunk counts for the words that it shares with the question, each for the more the fewer other chunks have it, as memories do (see
`recalling`). Chunks that count for much less than the best are left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.agents.recalling import rarity
from engine.agents.window import affordable
from engine.domain.documents import Chunk
from engine.search.words import words
from engine.storage.repositories.documents import ChunkKey

MOST: Final = 12
"""Chunks, however short they are."""
WORDS: Final = 48
"""Words of a question that are looked for, the longest ones."""
COMMON: Final = 500
"""A word that more chunks have than this is too common to say anything."""
_WORTH: Final = 0.3
"""The part of the best chunk's count that others need."""


def asked_words(question: str) -> list[str]:
    """The words of a question to look for."""
    found = dict.fromkeys(word.text for word in words(question))
    return sorted(found, key=len, reverse=True)[:WORDS]


def best(having: Mapping[str, Sequence[ChunkKey]], number: int) -> list[ChunkKey]:
    """The chunks that have some of the words, the best first; `number` is of how many chunks."""
    counts: defaultdict[ChunkKey, float] = defaultdict(float)
    for keys in having.values():
        worth = rarity(len(keys), max(number, len(keys)))
        for key in keys:
            counts[key] += worth
    least = _WORTH * max(counts.values(), default=0.0)
    ranked = sorted((key for key, count in counts.items() if count >= least), key=lambda key: (-counts[key], key))
    return ranked[:MOST]


def fitting(best_first: Iterable[Chunk], budget: int) -> tuple[Chunk, ...]:
    """As many of these as fit together into so many tokens, in the order in which they are read."""
    kept = affordable(best_first, lambda chunk: chunk.text, budget)
    return tuple(sorted(kept, key=lambda chunk: (chunk.name, chunk.document_id, chunk.position)))
