"""What of its memories an agent is given for a question: full text under a budget of tokens. Without I/O.

A memory counts for the words that it shares with the question (words as in `engine.search.words`), each for the more the fewer
other memories have it: so "the" decides nothing. Behind those come the newest, whatever they say.
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Final

from engine.agents.window import tokens
from engine.domain.memories import Known, Memory
from engine.search.words import words

MOST: Final = 20
"""Memories, however short they are."""
NEWEST: Final = 3
"""How many of the newest are given though they share no word with the question."""
_FRAME: Final = 8
"""Tokens around each memory."""


def recall(newest_first: Sequence[Known], question: str, budget: int) -> tuple[Memory, ...]:
    """Those that bear on a question, as many as fit together, oldest first: what corrects another comes after it."""
    asked = {word.text for word in words(question)}
    shared = [asked.intersection(known.words.split()) for known in newest_first]
    having = Counter(word for each in shared for word in each)
    scores = [sum(log(1 + len(shared) / having[word]) for word in each) for each in shared]
    kept: list[Memory] = []
    for index in sorted(range(len(shared)), key=lambda index: -scores[index]):
        memory = newest_first[index].memory
        cost = tokens(memory.text) + _FRAME
        if len(kept) < MOST and cost <= budget and (scores[index] > 0 or index < NEWEST):
            budget -= cost
            kept.append(memory)
    return tuple(sorted(kept, key=lambda memory: memory.id))
