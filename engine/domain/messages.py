"""Messages."""

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from engine.domain.fields import ClientId, Language, MessageId, ParticipantId, Text, TimelineId
from engine.domain.people import Participant


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What an author gives of a new message. `client_id` makes posting idempotent: the same one again returns the first result."""

    text: Text
    client_id: ClientId | None = None
    reply_to: MessageId | None = None
    language: Language | None = None


class Translation(msgspec.Struct, frozen=True, gc=False):
    """A message's present text in another language, and who translated it."""

    language: str
    text: str
    provider: str


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message in its present state. `offset` is that of the event that posted it. A deleted one keeps its place, with empty text.

    `mentions` are the members whom the text names; `mentions_all` is set by `@room`, which means every member. `translation` is
    there only for who reads in a language of their own, and the message is in another; None: it is not translated yet. `answer_id`
    is that of the answer which the message was while it was written; it is `partial` when that failed or was cancelled.
    """

    id: MessageId
    timeline_id: TimelineId
    offset: int
    author: Participant
    text: str
    language: str | None = None
    reply_to: MessageId | None = None
    client_id: str | None = None
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    reactions: dict[str, list[ParticipantId]] = {}
    mentions: list[ParticipantId] = []
    mentions_all: Literal[True] | UnsetType = UNSET
    translation: Translation | None | UnsetType = UNSET
    answer_id: str | UnsetType = UNSET
    partial: Literal[True] | UnsetType = UNSET
