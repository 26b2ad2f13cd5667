"""Renderings that were made lately, at most so many and of so many characters; those that were used longest ago go first."""

from collections import OrderedDict

from engine.translation.flights import Sameness
from engine.translation.work import Rendering

CHARACTERS_EACH = 1_000
"""Of a cache for `most` renderings, per rendering: a few long texts count like many short ones."""


class Cache:
    """Keeps `most` renderings; with 0 none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._renderings: OrderedDict[Sameness, Rendering] = OrderedDict()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._renderings)

    def get(self, key: Sameness) -> Rendering | None:
        """The rendering of the same work, if it is here."""
        found = self._renderings.get(key)
        if found is not None:
            self._renderings.move_to_end(key)
        return found

    def put(self, key: Sameness, rendering: Rendering) -> None:
        """Keep one."""
        replaced = self._renderings.pop(key, None)
        if replaced is not None:
            self._characters -= _size(key, replaced)
        self._renderings[key] = rendering
        self._characters += _size(key, rendering)
        while len(self._renderings) > self._most or self._characters > self._most * CHARACTERS_EACH:
            self._characters -= _size(*self._renderings.popitem(last=False))


def _size(key: Sameness, rendering: Rendering) -> int:
    return len(key.text) + len(rendering.text)
