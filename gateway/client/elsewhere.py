"""What an agent sees of its timeline from outside: what the members of a timeline see, up to the question."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import msgspec

from engine.agents.window import MOST, fitting
from engine.domain.fields import ParticipantKind
from engine.domain.messages import Message
from engine.domain.rooms import Member
from gateway.client.remote import Refused, Remote, query, timeline_path

CONTEXT_TOKENS: Final = 4_000
"""How much of what was said before an agent is given."""


class Elsewhere:
    """See `engine.agents.turn.Here`. Raises what `Remote` raises."""

    def __init__(self, remote: Remote, channel: str, question: Message, members: tuple[Member, ...]) -> None:
        self._remote = remote
        self._path = timeline_path(channel)
        self._question = question
        self._members = members
        self._until = question.offset + 1

    async def search(self, text: str, *, limit: int = 10) -> Sequence[Message]:
        """See `Here.search`."""
        asked = query({"q": text, "before": str(self._until), "limit": str(min(limit, MOST))})
        try:
            body = await self._remote.call("GET", f"{self._path}/search?{asked}")
        except Refused as refused:
            if refused.status == HTTPStatus.UNPROCESSABLE_ENTITY:  # there are no words in it
                return []
            raise
        return sorted(msgspec.convert(body["items"], list[Message]), key=lambda each: -each.offset)

    async def messages(self, *, before: int | None = None, limit: int = 50) -> Sequence[Message]:
        """See `Here.messages`."""
        until = self._until if before is None else min(before, self._until)
        return await page(self._remote, self._path, before=until, limit=min(limit, MOST))

    async def members(self) -> Sequence[Member]:
        """See `Here.members`."""
        return self._members

    async def history(self) -> tuple[Message, ...]:
        """What was said up to the question, as far as it fits, and what other agents have answered to it already."""
        newest_first = await self.messages(limit=MOST)
        since = query({"after": str(self._question.offset), "limit": str(MOST)})
        body = await self._remote.call("GET", f"{self._path}/messages?{since}")
        replies = [
            each
            for each in reversed(msgspec.convert(body["items"], list[Message]))
            if each.reply_to == self._question.id
            and each.author.kind is ParticipantKind.AGENT
            and each.deleted_at is None
        ]
        return (*fitting(newest_first, CONTEXT_TOKENS), *replies)


async def page(remote: Remote, path: str, *, before: int | None = None, limit: int) -> list[Message]:
    """Messages of a timeline, newest first."""
    parameters = {"limit": str(limit)} | ({} if before is None else {"before": str(before)})
    body = await remote.call("GET", f"{path}/messages?{query(parameters)}")
    return msgspec.convert(body["items"], list[Message])
