"""Interpreting: that everyone in a timeline can read what the others write.

    interpreting = await Interpreting.start(system, storage, translators, feed, traffic, timeline=timelines.ref)
    page = await interpreting.messages(timelines, ref, by, limit=50, language="de")

Each timeline in which there is something to translate has a booth beside it, which decides what is wanted and asks the translators
for it; what comes of it goes into the timeline's log. Nobody who posts waits for any of this.
"""

from engine.interpreting.interpreting import Interpreting, InterpretingStatus

__all__ = ["Interpreting", "InterpretingStatus"]
