"""People's inboxes, as they ask for them and as they are told."""

from typing import Any

import anyio
import msgspec

from engine.domain.fields import ConversationKind
from engine.domain.inbox import Notification, ReadMarker, Unread
from engine.domain.people import Principal, User
from engine.engine import Engine
from engine.timelines.commands import Subscribe, Unsubscribe
from engine.timelines.directory import NewConversation, Opened
from engine.timelines.fanout import ClientInfo
from tests.engine.timelines.acting import Listener, Place


class Device(Listener):
    """A client of someone, connected to their own channel."""

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The ephemeral events of a type, without it."""
        decoded = [msgspec.json.decode(each.data) for each in self.publications if each.offset is None]
        return [{name: each[name] for name in each if name != "type"} for each in decoded if each["type"] == kind]

    @property
    def unread(self) -> list[tuple[int, int, int]]:
        """What it was told of: unread, mentions, last_read_offset."""
        return [(each["unread"], each["mentions"], each["last_read_offset"]) for each in self.of_type("unread")]


async def a_device(engine: Engine, by: Principal, name: str = "phone") -> Device:
    device = Device()
    ref = engine.timelines.ref(f"user:{by.id}")
    assert ref is not None
    await engine.timelines.subscribe(ref, Subscribe(by, ClientInfo(f"{by.participant.name}'s {name}", by.id), device))
    return device


async def disconnect(engine: Engine, by: Principal, name: str = "phone") -> None:
    ref = engine.timelines.ref(f"user:{by.id}")
    assert ref is not None
    await ref.ask(Unsubscribe(f"{by.participant.name}'s {name}"))


async def unread(place: Place, by: Principal) -> tuple[int, int, int]:
    """Unread, mentions, last_read_offset, as the list has them."""
    found = {each.timeline_id: each for each in await place.engine.inbox.unread(by, limit=100)}
    one: Unread = found[place.id]
    return one.unread, one.mentions, one.last_read_offset


async def read(place: Place, by: Principal, offset: int) -> ReadMarker:
    return await place.engine.inbox.read(place.ref, by, offset)


async def notifications(engine: Engine, by: Principal) -> list[Notification]:
    """Someone's, oldest first."""
    page = await engine.inbox.notifications(by, limit=100)
    assert page.next is None
    assert page.unread == sum(each.read_at is None for each in page.items)
    return page.items[::-1]


async def a_private_conversation(engine: Engine, by: Principal, other: Principal) -> Opened:
    user = User(id=other.id, email="", username=other.participant.name, created_at=engine.clock.now())
    new = NewConversation(kind=ConversationKind.PRIVATE, participants=[user.username])
    return await engine.timelines.create_conversation(by, new, [user])


async def a_while() -> None:
    """Longer than anybody rests; it takes no time here."""
    await anyio.sleep(3)
