"""People, rooms and events to put into a storage."""

from datetime import UTC, datetime, timedelta

from engine.clock import SystemClock
from engine.domain.events import Event, MemberJoined, MessageDeleted, MessageEdited, MessagePosted
from engine.domain.fields import MessageId, ParticipantId, Role, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant, User
from engine.domain.rooms import Member, Room
from engine.storage.repositories import Append, Claimed, RefreshToken, Storage

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
new_id = SystemClock().new_id


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_user(username: str, **fields: object) -> User:
    values = {"email": f"{username.lower()}@example.org", "created_at": NOON} | fields
    return User(id=ParticipantId(new_id()), username=username, **values)  # type: ignore[arg-type]


def a_room(name: str = "Lounge", by: Participant | None = None, **fields: object) -> Room:
    owner = by.id if by else ParticipantId("nobody")
    return Room(id=TimelineId(new_id()), name=name, created_by=owner, created_at=NOON, **fields)  # type: ignore[arg-type]


def joined(offset: int, who: Participant, role: Role = Role.MEMBER, seconds: float = 0) -> MemberJoined:
    return MemberJoined(offset=offset, at=at(seconds), actor=who.id, member=Member(who, role, at(seconds)))


def a_message(
    room: Room, offset: int, author: Participant, text: str = "hello", client_id: str | None = None, **fields: object
) -> Message:
    values = {"id": MessageId(new_id()), "created_at": at(offset)} | fields
    return Message(
        timeline_id=room.id,
        offset=offset,
        author=author,
        text=text,
        client_id=client_id,
        **values,  # type: ignore[arg-type]
    )


def posted(message: Message) -> MessagePosted:
    return MessagePosted(offset=message.offset, at=message.created_at, actor=message.author.id, message=message)


def edited(offset: int, message: Message) -> MessageEdited:
    return MessageEdited(offset=offset, at=at(offset), actor=message.author.id, message=message)


def deleted(offset: int, message: Message) -> MessageDeleted:
    return MessageDeleted(offset=offset, at=at(offset), actor=message.author.id, message_id=message.id, message=message)


def a_token(user: User, family_id: str | None = None, *, expires: float = 3600) -> RefreshToken:
    return RefreshToken(
        digest=new_id().encode(), family_id=family_id or new_id(), user_id=user.id, expires_at=at(expires)
    )


async def add_user(storage: Storage, username: str, **fields: object) -> User:
    user = a_user(username, **fields)
    assert await storage.users.add(user, "hash", "epoch") is None
    return user


async def open_room(storage: Storage, by: Participant, name: str = "Lounge", **fields: object) -> Room:
    """A room with its owner as the only member, whose log's head is 1."""
    room = a_room(name, by, **fields)
    await storage.rooms.create(room, "epoch", [joined(1, by, Role.OWNER)])
    return room


async def claim(storage: Storage, room: Room) -> Claimed:
    [claimed] = await storage.log.claim([room.id])
    assert claimed is not None
    return claimed


async def append(storage: Storage, claimed: Claimed, *events: Event) -> None:
    assert await storage.log.append([Append(claimed.timeline_id, claimed.term, events)]) == [None]
