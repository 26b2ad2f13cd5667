"""Translations of messages, and what was translated before."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select

from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation
from engine.storage.records import is_storable
from engine.storage.repositories import Known, Pair
from engine.storage.sql.database import Database
from engine.storage.sql.tables import members, translations, users
from engine.storage.sql.types import among


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
        made, pairs = translations.c, set(wanted)
        # Fingerprints times languages is a little more than the pairs, by one index and in one statement of constant text.
        found = select(made.fingerprint, made.language, made.text, made.source, made.provider).where(
            among(made.fingerprint, sorted({fingerprint for fingerprint, _ in pairs})),
            among(made.language, sorted({language for _, language in pairs})),
        )
        return {
            (row.fingerprint, row.language): Known(text=row.text, source=row.source, provider=row.provider)
            for row in await self._database.rows(found)
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
