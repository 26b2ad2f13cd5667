"""Rooms and memberships."""

import pytest
from msgspec.structs import replace

from engine.domain.events import Event, RoomArchived
from engine.domain.fields import Role, TimelineId, Visibility
from engine.domain.people import Participant
from engine.errors import Conflict
from engine.storage.repositories import Storage
from tests.storage.made import a_message, a_room, append, at, claim, joined, open_room, posted

pytestmark = pytest.mark.anyio


async def test_a_new_room_has_its_first_events_and_their_projections(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = a_room("Salon", ada, capacity=5, visibility=Visibility.PRIVATE, language="fr", slow_mode_seconds=3)
    message = a_message(room, 3, ada)
    first: list[Event] = [joined(1, ada, Role.OWNER), joined(2, bob, seconds=1), posted(message)]

    await storage.rooms.create(room, "the epoch", first)

    claimed = await claim(storage, room)
    assert (claimed.term, claimed.epoch, claimed.head) == (1, "the epoch", 3)
    assert await storage.rooms.get(room.id) == room
    assert await storage.log.events(room.id, after=0, limit=9) == first
    assert [(one.participant, one.role) for one in await storage.rooms.members(room.id)] == [
        (ada, Role.OWNER),
        (bob, Role.MEMBER),
    ]
    assert await storage.messages.page(room.id, limit=9) == [message]


async def test_a_room_is_created_once(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)

    with pytest.raises(Conflict):
        await storage.rooms.create(replace(room, name="Other"), "other", [])

    assert await storage.rooms.get(room.id) == room


async def test_a_room_whose_events_are_refused_is_not_created(storage: Storage, ada: Participant) -> None:
    room = a_room(by=ada)

    with pytest.raises(Conflict):
        await storage.rooms.create(room, "epoch", [joined(1, ada), joined(1, ada)])

    assert await storage.rooms.get(room.id) is None
    assert await storage.log.claim([room.id]) == [None]


async def test_an_unknown_room_is_none(storage: Storage) -> None:
    assert await storage.rooms.get(TimelineId("nowhere")) is None
    assert await storage.rooms.get(TimelineId("a\x00b")) is None
    assert await storage.rooms.members(TimelineId("nowhere")) == []


async def test_search_shows_what_the_viewer_may_know_of(storage: Storage, ada: Participant, bob: Participant) -> None:
    public = await open_room(storage, ada, "public")
    private = await open_room(storage, ada, "private", visibility=Visibility.PRIVATE)
    closed = await open_room(storage, ada, "closed")
    await append(storage, await claim(storage, closed), RoomArchived(offset=2, at=at(2), actor=ada.id))

    assert await storage.rooms.search(ada.id, limit=9) == [public, private]
    assert await storage.rooms.search(bob.id, limit=9) == [public]
    assert await storage.rooms.search(None, limit=9) == [public, private]


async def test_search_pages_by_id(storage: Storage, ada: Participant) -> None:
    rooms = [await open_room(storage, ada, f"Room {number}") for number in range(5)]

    first = await storage.rooms.search(None, limit=2)
    second = await storage.rooms.search(None, after=first[-1].id, limit=2)
    third = await storage.rooms.search(None, after=second[-1].id, limit=2)

    assert first + second + third == rooms


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("LOUNGE", {"The lounge", "Lounge 100%"}),
        ("%", {"Lounge 100%"}),
        ("_", {"snake_case"}),
        ("\\", {"back\\slash"}),
        ("ÉTÉ", {"Café d'été"}),
        ("e\u0301te\u0301", {"Café d'été"}),
        ("STRASSE", {"Hauptstraße"}),
        ("nothing", set()),
        ("", {"The lounge", "Lounge 100%", "snake_case", "back\\slash", "Café d'été", "Hauptstraße"}),
    ],
)
async def test_a_query_matches_anywhere_in_the_name_in_any_case(
    storage: Storage, ada: Participant, query: str, found: set[str]
) -> None:
    for name in ("The lounge", "Lounge 100%", "snake_case", "back\\slash", "Café d'été", "Hauptstraße"):
        await open_room(storage, ada, name)

    rooms = await storage.rooms.search(None, query=query, limit=99)

    assert {room.name for room in rooms} == found


async def test_members_come_in_the_order_they_joined_with_their_present_names(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = a_room(by=ada)
    await storage.rooms.create(room, "epoch", [joined(1, ada, seconds=5), joined(2, bob, seconds=1)])
    user = await storage.users.get(bob.id)
    assert user is not None

    await storage.users.update(replace(user, display_name="Robert"), was=user)

    names = [member.participant.name for member in await storage.rooms.members(room.id)]
    assert names == ["Robert", "Ada"]


async def test_members_who_joined_at_once_come_by_id(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = a_room(by=ada)

    await storage.rooms.create(room, "epoch", [joined(1, bob), joined(2, ada)])

    members = [member.participant for member in await storage.rooms.members(room.id)]
    assert members == sorted([ada, bob], key=lambda participant: participant.id)
