"""What of its memories an agent is given for a question: full text under a budget of tokens. Without I/O.

A memory counts for the words that it shares with the question (words as in `engine.search.words`), each for the more the fewer
other memories have it: so "the" decides nothing. Behind those come the newest, whatever they say.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from math import log
from typing import Final

from engine.agents.window import affordable
from engine.domain.memories import Known, Memory
from engine.search.words import words

MOST: Final = 20
"""Memories, however short they are."""
NEWEST: Final = 3
"""How many of the newest are given though they share no word with the question."""


def recall(newest_first: Sequence[Known], question: str, budget: int) -> tuple[Memory, ...]:
    """Those that bear on a question, as many as fit together, oldest first: what corrects another comes after it."""
    asked = {word.text for word in words(question)}
    shared = [asked.intersection(known.words.split()) for known in newest_first]
    having = Counter(word for each in shared for word in each)
    scores = [sum(rarity(having[word], len(shared)) for word in each) for each in shared]
    ranked = sorted(range(len(shared)), key=lambda index: -scores[index])
    bearing = (newest_first[index].memory for index in ranked if scores[index] > 0 or index < NEWEST)
    kept = islice(affordable(bearing, lambda memory: memory.text, budget), MOST)
    return tuple(sorted(kept, key=lambda memory: memory.id))


def rarity(having: int, of: int) -> float:
    """What a word counts for that so many texts have, of so many: its inverse document frequency (Spärck Jones, 1972)."""
    return log(1 + of / having)
