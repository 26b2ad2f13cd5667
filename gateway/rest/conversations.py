"""Private and group conversations."""

from typing import Final

import msgspec

from engine.domain.fields import ParticipantId, ShortText, TimelineId
from engine.domain.people import Principal, Someone
from engine.engine import Engine
from engine.errors import InvalidRequest, NotFound
from engine.timelines.commands import (
    AddParticipant,
    ConversationChanges,
    ConversationView,
    DescribeConversation,
    Leave,
    RemoveParticipant,
    UpdateConversation,
)
from engine.timelines.directory import NewConversation
from gateway.rest.endpoints import Endpoint, Reply, delete, get, patch, post
from gateway.rest.pages import Cursor, Limit, Page, page


class ListQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of one's conversations: those after a cursor."""

    after: Cursor | None = None
    limit: Limit = 50


class NewParticipant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to add, by username or id."""

    participant: ShortText


async def create_conversation(engine: Engine, by: Principal, body: NewConversation) -> Reply[ConversationView]:
    """Begin a conversation, in private with one person or in a group; a private one that there is already answers 200."""
    people = [await _person(engine, each, f"participants.{index}") for index, each in enumerate(body.participants)]
    opened = await engine.timelines.create_conversation(by, body, people)
    return Reply(opened.conversation, 201 if opened.created else 200)


async def list_conversations(engine: Engine, by: Principal, query: ListQuery) -> Page[ConversationView]:
    """The conversations in which one takes part, archived ones too, and who else does."""
    after = None if query.after is None else TimelineId(query.after)
    rows = await engine.storage.conversations.of(by.id, after=after, limit=query.limit + 1)
    people = await engine.storage.conversations.participants([row.id for row in rows])
    shown = [ConversationView.of(row, people.get(row.id, ()), engine.presence.of) for row in rows]
    return page(shown, query.limit, lambda conversation: conversation.id)


async def read_conversation(engine: Engine, by: Principal, conversation_id: TimelineId) -> ConversationView:
    """One conversation, and who takes part in it."""
    return await engine.timelines.conversation(conversation_id).ask(DescribeConversation(by))


async def change_conversation(
    engine: Engine, by: Principal, conversation_id: TimelineId, body: ConversationChanges
) -> ConversationView:
    """Rename a group, archive a conversation, or open it again."""
    return await engine.timelines.conversation(conversation_id).ask(UpdateConversation(by, body))


async def leave_conversation(engine: Engine, by: Principal, conversation_id: TimelineId) -> None:
    """Leave; once nobody is left it is archived."""
    await engine.timelines.conversation(conversation_id).ask(Leave(by))


async def add_participant(
    engine: Engine, by: Principal, conversation_id: TimelineId, body: NewParticipant
) -> Reply[ConversationView]:
    """Add someone to a group; who takes part already answers 200."""
    ref = engine.timelines.conversation(conversation_id)
    await ref.ask(DescribeConversation(by))  # whoever may not know of it learns nothing about people either
    person = await _person(engine, body.participant, "participant")
    added = await ref.ask(AddParticipant(by, person.participant, person.username))
    return Reply(await ref.ask(DescribeConversation(by)), 201 if added else 200)


async def remove_participant(
    engine: Engine, by: Principal, conversation_id: TimelineId, participant_id: ParticipantId
) -> None:
    """Remove someone from a group, or oneself from any conversation."""
    await engine.timelines.conversation(conversation_id).ask(RemoveParticipant(by, participant_id))


async def _person(engine: Engine, name: str, field: str) -> Someone:
    """Whoever has this username or id, or the agent of this name or id; an email is neither."""
    if (agent := engine.agents.named(name)) is not None:
        return agent
    try:
        user = await engine.accounts.named(name)
    except NotFound:
        raise InvalidRequest.field(field, f"there is nobody called {name!r}") from None
    if not user.active:
        raise InvalidRequest.field(field, f"there is nobody called {name!r}")
    return user


_TAG: Final = "Conversations"
_ONE: Final = "/conversations/{conversation_id}"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    post(
        "/conversations",
        create_conversation,
        tag=_TAG,
        status=(201, 200),
        problems=("forbidden", "conflict", "not_found"),
    ),
    get("/conversations", list_conversations, tag=_TAG),
    get(_ONE, read_conversation, tag=_TAG),
    patch(_ONE, change_conversation, tag=_TAG, problems=("forbidden", "conflict")),
    delete(_ONE, leave_conversation, tag=_TAG),
    post(f"{_ONE}/participants", add_participant, tag=_TAG, status=(201, 200), problems=("conflict",)),
    delete(f"{_ONE}/participants/{{participant_id}}", remove_participant, tag=_TAG, problems=("forbidden", "conflict")),
)
