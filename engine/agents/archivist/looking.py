"""Finding what a question is about, in the messages that the members may read."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from engine.agents.archivist.asking import Asked
from engine.agents.turn import Turn
from engine.domain.messages import Message

PAGE: Final = 100
FARTHEST: Final = 2_000
"""Messages that are gone through at most, when no word narrows the search."""
_STEM: Final = 4
"""Letters from which on other endings of a word are found too."""


async def search(turn: Turn, asked: Asked) -> list[Message]:
    """What matches a question, newest first: with all its words, else with as many of them as there are."""
    if not asked.words:
        return [message async for message in walk(turn, asked)]
    found = await _with(turn, asked, " ".join(_term(word) for word in asked.words))
    if found or len(asked.words) == 1:
        return found
    matches: dict[str, tuple[int, Message]] = {}
    for word in asked.words:
        for message in await _with(turn, asked, _term(word)):
            number, _ = matches.get(message.id, (0, message))
            matches[message.id] = (number + 1, message)
    best = max((number for number, _ in matches.values()), default=0)
    return sorted((each for number, each in matches.values() if number == best), key=lambda each: -each.offset)


async def walk(turn: Turn, asked: Asked) -> AsyncIterator[Message]:
    """Every message of the authors and the time that a question names, newest first."""
    before: int | None = None
    seen = 0
    while seen < FARTHEST:
        page = await turn.here.messages(before=before, limit=PAGE)
        for message in page:
            if asked.period is not None and message.created_at < asked.period.since:
                return
            if _fits(turn, asked, message):
                yield message
        if len(page) < PAGE:
            return
        seen += len(page)
        before = page[-1].offset


async def _with(turn: Turn, asked: Asked, words: str) -> list[Message]:
    found: Sequence[Message] = await turn.here.search(words, limit=PAGE)
    return [each for each in found if _fits(turn, asked, each)]


def _fits(turn: Turn, asked: Asked, message: Message) -> bool:
    """Whether a message may be quoted: by whom, of when, and neither the question nor what the archivist has said itself."""
    if message.deleted_at is not None or message.id == turn.message.id or message.author.id == turn.agent.id:
        return False
    if turn.agent.id in message.mentions:
        return False  # an earlier question
    if asked.authors and message.author.id not in {each.id for each in asked.authors}:
        return False
    return asked.period is None or asked.period.since <= message.created_at < asked.period.until


def _term(word: str) -> str:
    """A word as it is searched: without what English plurals end in, and with any ending."""
    stem = word[:-1] if word.endswith("s") and len(word) > _STEM else word
    return f"{stem}*" if len(stem) >= _STEM else f'"{word}"'
