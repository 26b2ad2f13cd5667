"""Translations of messages, and what was translated before."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import select

from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation
from engine.storage.records import is_storable
from engine.storage.repositories import Known, Pair
from engine.storage.sql.database import Database
from engine.storage.sql.tables import members, translations, users
from engine.storage.sql.types import among, among_given

_made = translations.c
_KNOWN: Final = select(_made.fingerprint, _made.language, _made.text, _made.source, _made.provider).where(
    among_given(_made.fingerprint, "fingerprints"), among_given(_made.language, "languages")
)
"""Fingerprints times languages is a little more than the pairs that are wanted, by one index."""


@asynccontextmanager
async def open_translations(url: str, *, time_limit: float) -> AsyncIterator["SqlTranslations"]:
    """Those of a database that is there, or will be, for a process that does nothing else with it; see `SqlStorage`."""
    database = Database(url, limit=time_limit)
    try:
        yield SqlTranslations(database)
    finally:
        await database.close()


class SqlTranslations:
    """See `repositories.Translations`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, timeline_id: TimelineId, message_ids: Sequence[MessageId]) -> dict[MessageId, list[Translation]]:
        wanted = [each for each in message_ids if is_storable(each)]
        if not wanted or not is_storable(timeline_id):
            return {}
        made = translations.c
        found = select(made.message_id, made.language, made.text, made.provider)
        found = found.where(made.timeline_id == timeline_id, among(made.message_id, wanted)).order_by(made.language)
        of: defaultdict[MessageId, list[Translation]] = defaultdict(list)
        for row in await self._database.rows(found):
            of[row.message_id].append(Translation(row.language, row.text, row.provider))
        return of

    async def known(self, wanted: Sequence[Pair]) -> dict[Pair, Known]:
        if not wanted:
            return {}
        pairs = set(wanted)
        fingerprints, languages = (sorted(set(each)) for each in zip(*pairs, strict=True))
        found = await self._database.rows_with(_KNOWN, {"fingerprints": fingerprints, "languages": languages})
        return {
            (row.fingerprint, row.language): Known(text=row.text, source=row.source, provider=row.provider)
            for row in found
            if (row.fingerprint, row.language) in pairs
        }

    async def languages(self, timeline_id: TimelineId) -> list[str]:
        if not is_storable(timeline_id):
            return []
        preferred = select(users.c.language).join_from(members, users, users.c.id == members.c.participant_id)
        preferred = preferred.where(
            members.c.timeline_id == timeline_id, users.c.language.is_not(None), users.c.active.is_(True)
        )
        return sorted([row.language for row in await self._database.rows(preferred.distinct())])
