"""What was translated before, as booths ask for it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.domain.fields import TimelineId
from engine.storage.repositories import Known, Pair


class TranslationMemory(Protocol):
    """What of `engine.storage.repositories.Translations` booths make use of."""

    async def known(self, wanted: Sequence[Pair]) -> Mapping[Pair, Known]:
        """What these texts became; unknown ones are left out. Raises `StorageUnavailable`."""
        ...

    async def languages(self, timeline_id: TimelineId) -> Sequence[str]:
        """The languages that the members of a timeline prefer. Raises `StorageUnavailable`."""
        ...
