"""Translations of messages, and what was translated before."""

from collections.abc import Sequence

from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation
from engine.storage.memory.state import State
from engine.storage.repositories import Known, Pair


class MemoryTranslations:
    """See `repositories.Translations`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, timeline_id: TimelineId, message_ids: Sequence[MessageId]) -> dict[MessageId, list[Translation]]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        made = {} if timeline is None else timeline.translations
        return {
            message_id: [
                Translation(language, each.text, each.provider) for language, each in sorted(made[message_id].items())
            ]
            for message_id in message_ids
            if message_id in made
        }

    async def known(self, wanted: Sequence[Pair]) -> dict[Pair, Known]:
        await self._state.enter()
        found: dict[Pair, Known] = {}
        pairs = set(wanted)
        for timeline in self._state.timelines.values():
            for by_language in timeline.translations.values():
                for language, each in by_language.items():
                    if (pair := (each.fingerprint, language)) in pairs:
                        found[pair] = Known(text=each.text, source=each.source, provider=each.provider)
        return found

    async def languages(self, timeline_id: TimelineId) -> list[str]:
        await self._state.enter()
        timeline = self._state.timelines.get(timeline_id)
        members = () if timeline is None else timeline.members
        people = (self._state.accounts[each].user for each in members if each in self._state.accounts)
        return sorted({user.language for user in people if user.active and user.language is not None})
