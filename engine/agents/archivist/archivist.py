"""The archivist as an agent."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

from engine.agents.agent import Agent
from engine.agents.archivist.asking import Wish, read
from engine.agents.archivist.looking import FARTHEST, search
from engine.agents.archivist.phrases import Phrases
from engine.agents.archivist.summary import extract
from engine.agents.turn import Turn
from engine.domain.messages import Message
from engine.domain.people import Participant

SHOWN: Final = 5
"""Quotes in one answer."""
LATELY: Final = 200
"""Messages that are summed up when no time is named."""


class Archivist(Agent):
    """Knows who said what, and when. It costs nothing, and says only what is written."""

    remembers = False

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        """See `Agent.respond`."""
        turn.spend(0)
        asked = read(turn, _known(turn))
        phrases = Phrases(german=asked.german, now=turn.now)
        turn.answer_language = phrases.language
        match asked.wish:
            case Wish.HELP:
                yield phrases.help(turn.agent.name)
                return
            case Wish.MEMBERS:
                yield phrases.members([member.participant.name for member in turn.members])
                return
            case _:
                found = await search(turn, asked)
        if not found:
            yield phrases.nothing(asked)
            return
        match asked.wish:
            case Wish.NUMBER:
                yield phrases.number(asked, len(found), more=len(found) >= FARTHEST)
            case Wish.SUMMARY:
                recent = found if asked.period is not None else found[:LATELY]
                yield phrases.summary(asked, len(recent), _speakers(recent))
                for message in extract(recent):
                    yield phrases.quote(message)
            case Wish.PEOPLE:
                yield phrases.speakers(asked, _speakers(found))
                for piece in _quotes(phrases, found):
                    yield piece
            case _:
                yield phrases.found(asked, len(found))
                for piece in _quotes(phrases, found):
                    yield piece


def _known(turn: Turn) -> Sequence[tuple[Participant, str | None]]:
    """Whom a question may name: the members, and those who spoke lately."""
    members = [(member.participant, member.username) for member in turn.members]
    return [*members, *((message.author, None) for message in turn.history)]


def _speakers(found: Sequence[Message]) -> list[tuple[Participant, int]]:
    return Counter(message.author for message in found).most_common()


def _quotes(phrases: Phrases, newest_first: Sequence[Message]) -> list[str]:
    shown = [phrases.quote(message) for message in newest_first[:SHOWN]]
    left = len(newest_first) - len(shown)
    return [*shown, phrases.more(left)] if left else shown
