"""What an agent sees of its timeline from outside: what the members of a timeline see, up to the question."""

from collections.abc import Sequence
from typing import Final

import msgspec

from engine.agents.window import MOST, fitting
from engine.domain.fields import ParticipantId, ParticipantKind
from engine.domain.messages import Message
from engine.domain.rooms import Member
from engine.errors import InvalidRequest
from gateway.client.asking import Asking
from gateway.client.remote import query

CONTEXT_TOKENS: Final = 4_000
"""How much of what was said before an agent is given."""


class Elsewhere:
    """See `engine.agents.turn.Here`."""

    def __init__(self, asking: Asking, question: Message, members: tuple[Member, ...]) -> None:
        self._asking = asking
        self._question = question
        self._members = members
        self._until = question.offset + 1

    async def search(self, text: str, *, limit: int = 10) -> Sequence[Message]:
        """See `Here.search`."""
        asked = query({"q": text, "before": str(self._until), "limit": str(min(limit, MOST))})
        try:
            body = await self._asking.call("GET", f"/search?{asked}")
        except InvalidRequest:  # there are no words in it
            return []
        return sorted(msgspec.convert(body["items"], list[Message]), key=lambda each: -each.offset)

    async def messages(self, *, before: int | None = None, limit: int = 50) -> Sequence[Message]:
        """See `Here.messages`."""
        until = self._until if before is None else min(before, self._until)
        return await self._asking.page(before=until, limit=min(limit, MOST))

    async def members(self) -> Sequence[Member]:
        """See `Here.members`."""
        return self._members

    async def history(self, itself: ParticipantId) -> tuple[Message, ...]:
        """What was said up to the question, as far as it fits, and what other agents have answered to it already."""
        newest_first = await self.messages(limit=MOST)
        replies = [
            each
            for each in reversed(await self._asking.after(self._question.offset, limit=MOST))
            if each.reply_to == self._question.id
            and each.author.kind is ParticipantKind.AGENT
            and each.author.id != itself
            and each.deleted_at is None
        ]
        return (*fitting(newest_first, CONTEXT_TOKENS), *replies)
