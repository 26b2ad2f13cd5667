"""Mentions: `@name` in a text means the member of that name, `@room` everyone.

A name is matched as a whole word, in any script and any case: `@ann` mentions Ann, `joanna@annex.org` and `planning` mention
nobody. Members go by their username and by what they are called, which may be several words (`@Ada Lovelace`). Code, between
backticks, mentions nobody.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.domain.fields import ParticipantId
from engine.domain.rooms import Member

ALL: Final = "room"
"""What mentions everyone; no member's name does."""
MOST: Final = 50
"""How many members one text mentions at most; further ones are plain text."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_AT = re.compile(r"(?<![\w@.+/-])@(?=\w)")
_WORD = re.compile(r"\w[\w.-]*")
_END = ".-"
"""Characters that a name may hold and not end with: a full stop after a name ends the sentence."""


class Mentions(NamedTuple):
    """Whom a text mentions: members, in the order of the text, and perhaps everyone."""

    people: list[ParticipantId]
    everyone: bool


NOBODY: Final = Mentions([], everyone=False)


class Handles:
    """The names of a timeline's members. Where two go by the same one, the username wins, then who has been there longer."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._names: dict[str, ParticipantId] = {}
        members = tuple(members)
        for member in members:
            if member.username is not None:
                self._names.setdefault(_key(member.username), member.participant.id)
        for member in members:
            self._names.setdefault(_key(member.participant.name), member.participant.id)
        self._longest = max((name.count(" ") + 1 for name in self._names), default=1)

    def mentioned(self, text: str) -> Mentions:
        """Whom `text` mentions."""
        if "@" not in text:
            return NOBODY
        people: dict[ParticipantId, None] = {}
        everyone = False
        text = _CODE.sub(" ", text)
        for at in _AT.finditer(text):
            found = self._name_at(text, at.end())
            if found == ALL:
                everyone = True
            elif found is not None and len(people) < MOST:
                people[self._names[found]] = None
        return Mentions(list(people), everyone)

    def _name_at(self, text: str, start: int) -> str | None:
        """The longest name that the text has here, in words that one space each divides."""
        words: list[str] = []
        found: str | None = None
        while len(words) < self._longest and (word := _WORD.match(text, start)) is not None:
            words.append(word[0])
            for last in (word[0], word[0].rstrip(_END)):
                name = _key(" ".join([*words[:-1], last]))
                if name in self._names or name == ALL:
                    found = name
                    break
            if text[word.end() : word.end() + 1] != " ":
                break
            start = word.end() + 1
        return found


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
