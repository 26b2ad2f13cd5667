"""Cleaning what a model says: many begin with their own name, as the messages do that they are shown.

Only the agent's own names are taken away, and only at the very beginning: `Note:` and `https:` are what somebody says.
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
