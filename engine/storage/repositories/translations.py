"""Translations of messages, and what was translated before."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation

Pair: TypeAlias = tuple[str, str]
"""A text's fingerprint (see `engine.interpreting.fingerprint`) and the language that it is wanted in."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """How a text was translated before. `source` is the language that it was translated from."""

    text: str
    source: str
    provider: str


class Translations(Protocol):
    """What texts say in other languages, as long as the messages that they are of say it."""

    async def of(
        self, timeline_id: TimelineId, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, Sequence[Translation]]:
        """The translations of these messages into whatever language, by language; messages without any are left out."""
        ...

    async def known(self, wanted: Sequence[Pair]) -> Mapping[Pair, Known]:
        """What the same text became in the same language, in any timeline; unknown pairs are left out."""
        ...

    async def languages(self, timeline_id: TimelineId) -> Sequence[str]:
        """The languages that the active members of a timeline prefer, each once, in alphabetical order."""
        ...
