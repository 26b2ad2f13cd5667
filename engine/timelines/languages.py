"""In which language somebody reads a timeline, and what they are shown then."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from msgspec import UNSET, UnsetType

from engine.domain.messages import Message, Translation
from engine.timelines.fanout import Publication
from engine.translation import same_language

Reading: TypeAlias = str | UnsetType | None
"""How a log is read: in a language, only as it was written (None), or all of it with every translation (UNSET)."""


@lru_cache(maxsize=4096)
def same(language: str, reader: str) -> bool:
    """See `same_language`; what a reader needs is asked for every message, about a few pairs."""
    return same_language(language, reader)


def read_by(publications: Iterable[Publication], reading: Reading) -> Iterator[Publication]:
    """Those that are shown to who reads so."""
    return (each for each in publications if _shown(each.language, reading))


def _shown(language: str | None, reading: Reading) -> bool:
    if language is None or reading is UNSET:
        return True
    return isinstance(reading, str) and same(language, reading)


def is_foreign(message: Message, reader: str) -> bool:
    """Whether a translation helps who reads in this language: there are words, in another language or an unknown one."""
    return (
        message.deleted_at is None
        and (message.language is None or not same(message.language, reader))
        and any(map(str.isalpha, message.text))
    )


def fitting(translations: Iterable[Translation], reader: str) -> Translation | None:
    """The translation that someone reads: the one in exactly their language, else in another variety of it."""
    found = [each for each in translations if same(each.language, reader)]
    return next((each for each in found if each.language == reader), found[0] if found else None)
