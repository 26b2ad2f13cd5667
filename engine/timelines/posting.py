"""The rules of posting, editing and deleting: decisions over a turn, without I/O."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from engine.accounts.quota import Quotas, exceeded
from engine.clock import Clock
from engine.domain.events import MessageDeleted, MessageEdited, MessagePosted
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.domain.quota import week_of
from engine.errors import Conflict, Forbidden, InvalidRequest, NotFound
from engine.storage.records import is_storable
from engine.timelines.commands import Delete, Edit, Post, Posted
from engine.timelines.mentions import NOBODY
from engine.timelines.turn import Turn


class OfAnswer(NamedTuple):
    """The answer that a message was; `partial` when it was not finished."""

    id: str
    partial: bool = False


def earlier(turn: Turn, command: Post) -> Message | None:
    """What the author has posted under the same client_id: then that is the answer, whatever has changed since."""
    client_id = command.draft.client_id
    return None if client_id is None else turn.posted((command.by.id, client_id))


def post(
    turn: Turn,
    command: Post,
    timeline_id: TimelineId,
    clock: Clock,
    *,
    longest: int,
    quotas: Quotas,
    detect: Callable[[str], str | None],
    answer: OfAnswer | None = None,
) -> Posted:
    """Add a message, at the cost of one from the author's quota. Its language is given, or the author's, or `detect`ed.

    `answer` is what it was until now, if it was an answer.
    """
    draft, author = command.draft, command.by.participant
    check_text(draft.text, longest)
    if draft.reply_to is not None and turn.message(draft.reply_to) is None:
        raise InvalidRequest.field("reply_to", "there is no such message in this timeline")
    mentions = turn.handles.mentioned(draft.text) if "@" in draft.text else NOBODY
    _spend(turn, command.by, quotas)
    message = Message(
        id=MessageId(clock.new_id()),
        timeline_id=timeline_id,
        offset=turn.next_offset,
        author=author,
        text=draft.text,
        language=draft.language or command.by.language or detect(draft.text),
        reply_to=draft.reply_to,
        client_id=draft.client_id,
        created_at=turn.now,
        mentions=mentions.people,
        mentions_all=True if mentions.everyone else UNSET,
        answer_id=UNSET if answer is None else answer.id,
        partial=True if answer is not None and answer.partial else UNSET,
    )
    turn.add(MessagePosted(offset=turn.next_offset, at=turn.now, actor=author.id, message=message))
    return Posted(message, created=True)


def _spend(turn: Turn, by: Principal, quotas: Quotas) -> None:
    """Take one message from the author's quota; it is spent when the turn is committed."""
    limit = quotas.limit(by)
    if limit is None:
        return
    if quotas.known(by.id, week_of(turn.now)) + turn.spent(by.id) >= limit:
        raise exceeded(limit, turn.now)
    turn.spend(by.id, limit)


def edit(turn: Turn, command: Edit, longest: int) -> Message:
    """Change the text of one's own message."""
    message = existing(turn, command.message_id)
    if message.author.id != command.by.id:
        raise Forbidden("only its author edits a message")
    if message.deleted_at is not None:
        raise Conflict("the message is deleted")
    check_text(command.text, longest)
    if command.text == message.text:
        return message
    mentions = turn.handles.mentioned(command.text)
    edited = msgspec.structs.replace(
        message,
        text=command.text,
        edited_at=turn.now,
        mentions=mentions.people,
        mentions_all=True if mentions.everyone else UNSET,
    )
    turn.add(MessageEdited(offset=turn.next_offset, at=turn.now, actor=command.by.id, message=edited))
    return edited


def delete(turn: Turn, command: Delete, *, moderator: bool) -> Message:
    """Remove a message's content; its place stays."""
    message = existing(turn, command.message_id)
    if message.author.id != command.by.id and not moderator:
        raise Forbidden("only its author or a moderator deletes a message")
    if message.deleted_at is not None:
        return message
    deleted = msgspec.structs.replace(
        message, text="", reactions={}, mentions=[], mentions_all=UNSET, deleted_at=turn.now
    )
    turn.add(
        MessageDeleted(
            offset=turn.next_offset, at=turn.now, actor=command.by.id, message_id=message.id, message=deleted
        )
    )
    return deleted


def check_text(text: str, longest: int) -> None:
    """Refuse text that is blank, longer than `longest` characters, or no text at all (U+0000, half a surrogate pair)."""
    if len(text) > longest:
        raise InvalidRequest.field("text", f"at most {longest} characters, not {len(text)}")
    if not text.strip():
        raise InvalidRequest.field("text", "at least one character that shows")
    if not is_storable(text):
        raise InvalidRequest.field("text", "neither U+0000 nor half a surrogate pair")


def existing(turn: Turn, message_id: MessageId) -> Message:
    """A message of this timeline; `NotFound`."""
    message = turn.message(message_id)
    if message is None:
        raise NotFound("there is no such message in this timeline")
    return message
