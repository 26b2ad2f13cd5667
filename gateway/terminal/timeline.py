"""One timeline as it is known here: events in, entries out. It knows no screen, no connection and no clock.

A room and a conversation are the same to it. Durable events may come twice, or after a page of history that holds their effect
already: the second time nothing changes. What it does not know is passed over.
"""

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec

from gateway.terminal.outgoing import Outbox
from gateway.terminal.people import People
from gateway.terminal.wire import Member, Message, MessagePage, Participant, Room, Translation, read

HELD: Final = 5000
"""Entries kept; older ones are let go while new ones arrive, and can be read again."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened and is not a message: someone joined, a room was renamed."""

    offset: int
    at: datetime
    text: str


@dataclass(slots=True)
class Answer:
    """An answer that is still being given: what is there of it so far, up to the part with the number `index`."""

    id: str
    author: Participant | None
    text: str = ""
    index: int = -1


Entry = Message | Note


class Timed(msgspec.Struct, frozen=True):
    """Any durable event."""

    at: datetime


class Timeline:
    """The part of a timeline that was read or heard; `me` is the reader's participant id."""

    def __init__(self, channel: str, name: str, me: str) -> None:
        self.channel = channel
        self.name = name
        self.description = ""
        self.me = me
        self.people = People()
        self.outbox = Outbox()
        self.answers: dict[str, Answer] = {}
        self.unread = 0
        self.mentioned = False
        self.watched = False
        """Whether it is on the screen: then nothing in it is unread."""
        self.loaded = False
        """Whether a page of history has been read."""
        self.beginning = False
        """Whether there is nothing before the oldest entry."""
        self.ended = ""
        """Why nothing more comes from it; empty while it lives."""
        self.version = 0
        """Grows with each change."""
        self._entries: dict[int, Entry] = {}
        self._order: list[int] = []
        self._offsets: dict[str, int] = {}

    # -- what is there -------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[Entry]:
        """Messages and notes, oldest first."""
        return [self._entries[offset] for offset in self._order]

    @property
    def oldest(self) -> int | None:
        """Where the history read so far begins: the cursor for what is before it."""
        return self._order[0] if self._order else None

    def message(self, message_id: str | None) -> Message | None:
        """A message that is held here."""
        offset = self._offsets.get(message_id) if message_id is not None else None
        entry = self._entries.get(offset) if offset is not None else None
        return entry if isinstance(entry, Message) else None

    def last_own(self) -> Message | None:
        """The reader's latest message that still says something."""
        for offset in reversed(self._order):
            entry = self._entries[offset]
            if isinstance(entry, Message) and entry.author.id == self.me and entry.deleted_at is None:
                return entry
        return None

    # -- what comes in -------------------------------------------------------------------------------------------------

    def read_page(self, page: MessagePage, *, newest: bool = False) -> None:
        """Take in a page of history; `newest` when it was asked for without a cursor."""
        for message in page.items:
            known = self.message(message.id)
            if known is None or _is_newer(message, known):
                self._put(message.offset, message)
            if message.author.id == self.me:
                self.outbox.sent(message.client_id)
        if not newest or not self.loaded:
            self.beginning = page.next_before is None
        self.loaded = True
        self.version += 1

    def forget(self) -> None:
        """Let go of what was read: what came between was missed, and is to be read anew. Own posts under way stay."""
        self._entries.clear()
        self._order.clear()
        self._offsets.clear()
        self.answers.clear()
        self.loaded = self.beginning = False
        self.version += 1

    def describe(self, room: Room) -> None:
        """Take over a room's name and description."""
        self.name, self.description = room.name, room.description
        self.version += 1

    def watch(self, *, watched: bool) -> None:
        """It is on the screen, or not any more."""
        self.watched = watched
        if watched:
            self.unread, self.mentioned = 0, False
        self.version += 1

    def posted(self, message: Message) -> None:
        """Take in a message, from its event or as the answer to a post of one's own."""
        if message.author.id == self.me:
            self.outbox.sent(message.client_id)
        if message.answer_id is not None:
            self.answers.pop(message.answer_id, None)
        self.version += 1
        if message.offset in self._entries:
            return
        self._put(message.offset, message)
        if not self.watched and message.author.id != self.me and message.deleted_at is None:
            self.unread += 1
            self.mentioned = self.mentioned or self.me in message.mentions
        self._let_go()

    def apply(self, event: Mapping[str, Any], offset: int = 0) -> bool:
        """Take in an event of the channel; whether its type is one that is known here. `offset` is 0 for an ephemeral one."""
        handler = self._HANDLERS.get(str(event.get("type")))
        if handler is None:
            return False
        handler(self, event, offset)
        self.version += 1
        return True

    def _on_posted(self, event: Mapping[str, Any], _: int) -> None:
        if (message := read(Message, event.get("message"))) is not None:
            self.posted(message)

    def _on_changed(self, event: Mapping[str, Any], _: int) -> None:
        message = read(Message, event.get("message"))
        if message is not None and message.offset in self._entries:
            known = self._entries[message.offset]
            if isinstance(known, Message) and _is_newer(message, known):
                self._put(message.offset, message)

    def _on_translated(self, event: Mapping[str, Any], _: int) -> None:
        message, translation = self.message(str(event.get("message_id"))), read(Translation, event)
        if message is not None and translation is not None and message.deleted_at is None:
            self._put(message.offset, msgspec.structs.replace(message, translation=translation))

    def _on_reaction(self, event: Mapping[str, Any], _: int) -> None:
        message = self.message(str(event.get("message_id")))
        emoji, who = event.get("emoji"), event.get("participant_id") or event.get("actor")
        if message is None or not isinstance(emoji, str) or not isinstance(who, str):
            return
        others = [each for each in message.reactions.get(emoji, []) if each != who]
        given = [*others, who] if event["type"] == "reaction.added" else others
        reactions = {**message.reactions, emoji: given}
        self._put(
            message.offset,
            msgspec.structs.replace(message, reactions={each: by for each, by in reactions.items() if by}),
        )

    def _on_joined(self, event: Mapping[str, Any], offset: int) -> None:
        if (member := read(Member, event.get("member"))) is not None:
            self.people.add(member)
            self._note(event, offset, f"{member.participant.name} joined")

    def _on_left(self, event: Mapping[str, Any], offset: int) -> None:
        who = str(event.get("participant_id"))
        name = self.people.name(who) or "Someone"
        self.people.remove(who)
        self._note(event, offset, f"{name} {'left' if event['type'] == 'member.left' else 'was removed'}")

    def _on_role(self, event: Mapping[str, Any], offset: int) -> None:
        who, role = str(event.get("participant_id")), str(event.get("role"))
        self.people.set_role(who, role)
        self._note(event, offset, f"{self.people.name(who) or 'Someone'} is {role} now")

    def _on_room(self, event: Mapping[str, Any], offset: int) -> None:
        if (room := read(Room, event.get("room"))) is not None:
            renamed = room.name != self.name
            self.describe(room)
            self._note(event, offset, f"The room is called {room.name} now" if renamed else "The room was changed")

    def _on_archived(self, event: Mapping[str, Any], offset: int) -> None:
        self.ended = "archived"
        self._note(event, offset, "The room was archived")

    def _on_presence(self, event: Mapping[str, Any], _: int) -> None:
        who, status = event.get("participant_id") or event.get("actor"), event.get("status") or event.get("presence")
        if isinstance(who, str) and isinstance(status, str):
            self.people.set_status(who, status)

    def _on_answer_started(self, event: Mapping[str, Any], _: int) -> None:
        answer_id = event.get("answer_id")
        if isinstance(answer_id, str) and answer_id not in self.answers:
            author = read(Participant, event.get("author") or event.get("agent"))
            index = event.get("index")
            known = Answer(answer_id, author, str(event.get("text") or ""), index if isinstance(index, int) else -1)
            self.answers[answer_id] = known

    def _on_answer_delta(self, event: Mapping[str, Any], offset: int) -> None:
        self._on_answer_started({"answer_id": event.get("answer_id"), "author": event.get("author")}, offset)
        answer = self.answers.get(str(event.get("answer_id")))
        index, text = event.get("index"), event.get("text")
        if answer is None or not isinstance(index, int) or not isinstance(text, str) or index <= answer.index:
            return
        # Deltas are not repeated: what was missed is in the message that follows.
        missing = " … " if 0 <= answer.index < index - 1 else ""
        answer.text, answer.index = answer.text + missing + text, index

    def _on_answer_completed(self, event: Mapping[str, Any], _: int) -> None:
        """Its message replaces it; until that comes it stays."""

    def _on_answer_ended(self, event: Mapping[str, Any], _: int) -> None:
        self.answers.pop(str(event.get("answer_id")), None)

    _HANDLERS: ClassVar[Mapping[str, Callable[[Any, Mapping[str, Any], int], None]]] = {
        "message.posted": _on_posted,
        "message.edited": _on_changed,
        "message.deleted": _on_changed,
        "message.translated": _on_translated,
        "reaction.added": _on_reaction,
        "reaction.removed": _on_reaction,
        "member.joined": _on_joined,
        "member.left": _on_left,
        "member.removed": _on_left,
        "member.role_changed": _on_role,
        "room.updated": _on_room,
        "room.archived": _on_archived,
        "presence": _on_presence,
        "answer.started": _on_answer_started,
        "answer.delta": _on_answer_delta,
        "answer.completed": _on_answer_completed,
        "answer.failed": _on_answer_ended,
        "answer.cancelled": _on_answer_ended,
    }

    # -- keeping order -------------------------------------------------------------------------------------------------

    def _note(self, event: Mapping[str, Any], offset: int, text: str) -> None:
        at = read(Timed, event)
        if at is not None and offset > 0:
            self._put(offset, Note(offset, at.at, text))

    def _put(self, offset: int, entry: Entry) -> None:
        if offset not in self._entries:
            insort(self._order, offset)
        self._entries[offset] = entry
        if isinstance(entry, Message):
            self._offsets[entry.id] = offset

    def _let_go(self) -> None:
        while len(self._order) > HELD:
            entry = self._entries.pop(self._order.pop(0))
            if isinstance(entry, Message):
                self._offsets.pop(entry.id, None)
            self.beginning = False


def _is_newer(message: Message, known: Message) -> bool:
    """Whether `message` may replace `known`: an event can come after a page that holds a later state."""
    if known.deleted_at is not None:
        return message.deleted_at is not None
    return message.deleted_at is not None or known.edited_at is None or _edited(message) >= known.edited_at


def _edited(message: Message) -> datetime:
    return message.edited_at or message.created_at
