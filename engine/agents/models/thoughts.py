"""Keeps what a model thinks aloud out of what it says."""

from typing import Final

OPENS: Final = "<think>"
CLOSES: Final = "</think>"


class Thoughts:
    """Takes a leading `<think>...</think>` out of a text that comes in parts, as models write it that a server passes on raw.

    Only at the beginning: later on it may be what the answer is about.
    """

    __slots__ = ("_held", "_state")

    def __init__(self) -> None:
        self._held = ""
        self._state = "beginning"

    def said(self, part: str) -> str:
        """What of this part, and of what was held back before it, is for others to read."""
        if self._state == "speaking":
            return part
        self._held += part
        if self._state == "beginning":
            start = self._held.lstrip()
            if start.startswith(OPENS):
                self._state, self._held = "thinking", start[len(OPENS) :]
            elif OPENS.startswith(start):
                return ""  # it may still become one
            else:
                return self._speak(self._held)
        if self._state == "thinking":
            _, closed, after = self._held.partition(CLOSES)
            if not closed:
                self._held = self._held[-len(CLOSES) + 1 :]
                return ""
            self._state, self._held = "thought", after
        after = self._held.lstrip()
        return self._speak(after) if after else ""

    def rest(self) -> str:
        """What was held back when the answer ends: it was no thought."""
        return self._speak(self._held) if self._state == "beginning" else ""

    def _speak(self, text: str) -> str:
        self._state, self._held = "speaking", ""
        return text
