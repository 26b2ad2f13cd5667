"""Cleaning what a model says: many begin with their own name, as the messages do that they are shown.

Only the agent's own names are taken away, and only at the very beginning: `Note:` and `https:` are what somebody says. And what is
said after a tool has been used does not run into what was said before.
"""

import re
from collections.abc import Iterable
from typing import Final

_BEFORE: Final = "*[<@"
_COLON: Final = "[:\uff1a]"
_SOON: Final = re.compile(rf"[*\]>]*\s*(?:{_COLON}[*]*\s*)?")
"""What may stand between a name and the text, as far as it has come."""


class Opening:
    """Takes a text in pieces and gives it back without the speaker's name before it.

    Only what may still turn out to be such a prefix is held back, which most first pieces are not.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = sorted({name.casefold() for name in names if name}, key=len, reverse=True)
        name = f"@?(?:{'|'.join(map(re.escape, self._names))})"
        forms = (
            rf"\*\*{name}\*\*\s*{_COLON}",
            rf"\*\*{name}\s*{_COLON}\*\*",
            rf"\[{name}\]\s*{_COLON}",
            rf"<{name}>\s*{_COLON}",
            rf"{name}\s*{_COLON}",
        )
        self._prefix = re.compile(rf"\s*(?:{'|'.join(forms)})\s*", re.IGNORECASE)
        self._held: str | None = ""

    def take(self, piece: str) -> str:
        """What can be said now."""
        if self._held is None:
            return piece
        self._held += piece
        return "" if self._is_undecided(self._held) else self.end()

    def end(self) -> str:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, None
        if held is None:
            return ""
        prefix = self._prefix.match(held)
        return held[prefix.end() :] if prefix else held

    def _is_undecided(self, text: str) -> bool:
        begun = text.lstrip().lstrip(_BEFORE).casefold()
        for name in self._names:
            if name.startswith(begun):
                return True
            if begun.startswith(name):
                rest = begun[len(name) :]
                return _SOON.fullmatch(rest) is not None
        return False


class Paragraphs:
    """Sets apart what a model says before and after it has used a tool: these are answers of their own to the model."""

    def __init__(self) -> None:
        self._spoken = False
        self._due = False

    def take(self, piece: str) -> str:
        """What is to be said for this piece."""
        if self._due:
            piece = piece.lstrip()
        if not piece:
            return ""
        gap = "\n\n" if self._due else ""
        self._spoken, self._due = True, False
        return gap + piece

    def end(self) -> None:
        """What comes from now on is a paragraph of its own, if anything has been said."""
        self._due = self._spoken
