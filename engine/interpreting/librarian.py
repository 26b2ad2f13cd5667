"""The librarian: looks up for all booths what was translated before.

Every new message may say what somebody has said already, in any timeline. To ask the database about each by itself would be the larger
part of what a booth costs those who post, so what comes within a moment is asked together.
"""

from collections.abc import Mapping
from typing import Final

import anyio
import structlog

from actors import Actor, Call, Mailbox, Message, handles
from engine.errors import StorageUnavailable
from engine.interpreting.memory import TranslationMemory
from engine.storage.repositories import Known, Pair
from engine.traffic import Courtesy, Traffic

log = structlog.get_logger(__name__)

BATCH: Final = 256
"""The most questions that are asked together: each has the languages of one timeline."""
SLICES: Final = 20
"""At most in so many parts they are answered, one after the other: each answer has a booth ask for its texts."""
BETWEEN: Final = 0.005
"""Seconds between two of these. For as long as all parts would take questions gather, even when there are fewer."""
GIVE_WAY: Final = 0.03
"""Seconds for which those who post come first, at most."""


class LookUp(Message["Librarian", Mapping[Pair, Known]], frozen=True):
    """What these texts became before, and perhaps others; nothing while the database is away: they are translated once more then."""

    pairs: tuple[Pair, ...]


class Librarian(Actor):
    """One for all booths. A fault of the storage is none of its own: see `engine.journal.Journal`."""

    mailbox = Mailbox(4096)

    def __init__(self, memory: TranslationMemory, traffic: Traffic) -> None:
        self._memory = memory
        self._traffic = traffic
        self._courtesy = Courtesy(traffic, GIVE_WAY, rest=BETWEEN)

    @handles(LookUp, batch=BATCH)
    async def look_up(self, calls: list[Call[LookUp, Mapping[Pair, Known]]]) -> None:
        """Look up whatever is asked for, at once, and answer one after the other."""
        await self._traffic.give_way(GIVE_WAY)
        known = await self._known(list(dict.fromkeys(pair for call in calls for pair in call.message.pairs)))
        each = -(-len(calls) // SLICES)
        slices = range(0, len(calls), each)
        for first in slices:
            await self._courtesy.after_you()
            for call in calls[first : first + each]:
                call.answer(known)
        await anyio.sleep((SLICES - len(slices)) * BETWEEN)

    async def _known(self, pairs: list[Pair]) -> Mapping[Pair, Known]:
        try:
            return await self._memory.known(pairs)
        except StorageUnavailable:
            return {}
        except Exception:  # a supervision boundary
            log.exception("librarian.failed", pairs=len(pairs))
            return {}
