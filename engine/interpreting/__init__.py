"""Interpreting: that everyone in a timeline can read what the others write.

    async with open_interpreting(system, settings, storage, ...) as interpreting:
        page = await interpreting.messages(timelines, ref, by, limit=50, language="de")

Each timeline in which there is something to translate has a booth beside it, which decides what is wanted and asks the translators
for it; what comes of it goes into the timeline's log. Nobody who posts waits for any of this.
"""

from engine.interpreting.interpreting import Interpreting
from engine.interpreting.opening import open_interpreting

__all__ = ["Interpreting", "open_interpreting"]
