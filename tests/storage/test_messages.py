"""Messages in their present state: by id, by client_id, page by page."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.fields import MessageId, ParticipantId, TimelineId
from engine.domain.people import Participant
from engine.storage.repositories import Storage
from tests.storage.made import a_message, append, claim, joined, open_room, posted

pytestmark = pytest.mark.anyio


async def test_a_message_is_found_only_in_its_own_timeline(storage: Storage, ada: Participant) -> None:
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    message = a_message(room, 2, ada)
    await append(storage, await claim(storage, room), posted(message))

    assert await storage.messages.get(room.id, message.id) == message
    assert await storage.messages.get(other.id, message.id) is None
    assert await storage.messages.get(room.id, MessageId("unknown")) is None
    assert await storage.messages.get(room.id, MessageId("a\x00b")) is None


async def test_authors_carry_their_present_name(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    message = a_message(room, 2, ada, client_id="key")
    await append(storage, await claim(storage, room), posted(message))
    user = await storage.users.get(ada.id)
    assert user is not None

    await storage.users.update(replace(user, display_name="Countess"), was=user)

    renamed = replace(message, author=replace(ada, name="Countess"))
    assert await storage.messages.get(room.id, message.id) == renamed
    assert await storage.messages.page(room.id, limit=1) == [renamed]
    assert await storage.messages.by_client_ids(room.id, [(ada.id, "key")]) == [renamed]


async def test_client_ids_find_what_their_author_posted_here(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    mine, also_mine = a_message(room, 2, ada, client_id="a"), a_message(room, 3, ada, client_id="b")
    bobs, elsewhere = a_message(room, 4, bob, client_id="c"), a_message(other, 2, ada, client_id="c")
    await append(storage, await claim(storage, room), *map(posted, [mine, also_mine, bobs, a_message(room, 5, ada)]))
    await append(storage, await claim(storage, other), posted(elsewhere))

    found = await storage.messages.by_client_ids(
        room.id, [(ada.id, "a"), (bob.id, "c"), (bob.id, "b"), (ada.id, "c"), (ada.id, "\x00"), (ada.id, "a")]
    )

    assert sorted(found, key=lambda message: message.offset) == [mine, bobs]
    assert await storage.messages.by_client_ids(room.id, []) == []
    assert await storage.messages.by_client_ids(TimelineId("nowhere"), [(ada.id, "a")]) == []


async def test_two_authors_may_use_the_same_client_id(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = await open_room(storage, ada)
    messages = [a_message(room, 2, ada, client_id="same"), a_message(room, 3, bob, client_id="same")]

    await append(storage, await claim(storage, room), *map(posted, messages))

    assert await storage.messages.page(room.id, limit=9) == messages[::-1]


@pytest.mark.parametrize(
    ("before", "after", "limit", "offsets"),
    [
        (None, None, 3, [11, 10, 9]),
        (9, None, 3, [8, 7, 6]),
        (None, 4, 3, [7, 6, 5]),
        (None, 9, 3, [11, 10]),
        (9, 4, 3, [8, 7, 6]),
        (9, 6, 3, [8, 7]),
        (2, None, 3, []),
        (None, 11, 3, []),
    ],
)
async def test_a_page_is_newest_first_between_exclusive_bounds(
    storage: Storage, ada: Participant, *, before: int | None, after: int | None, limit: int, offsets: list[int]
) -> None:
    room = await open_room(storage, ada)
    await append(storage, await claim(storage, room), *[posted(a_message(room, at, ada)) for at in range(2, 12)])

    page = await storage.messages.page(room.id, before=before, after=after, limit=limit)

    assert [message.offset for message in page] == offsets


async def test_a_timeline_that_does_not_exist_has_an_empty_page(storage: Storage) -> None:
    assert await storage.messages.page(TimelineId("nowhere"), limit=5) == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(gaps=st.lists(st.booleans(), max_size=25), limit=st.integers(1, 9))
async def test_pages_in_either_direction_partition_the_log(
    storage: Storage, ada: Participant, gaps: list[bool], limit: int
) -> None:
    room = await open_room(storage, ada)
    log = [
        joined(offset, ada) if gap else posted(a_message(room, offset, ada)) for offset, gap in enumerate(gaps, start=2)
    ]
    await append(storage, await claim(storage, room), *log)

    downwards: list[int] = []
    while page := await storage.messages.page(room.id, before=downwards[-1] if downwards else None, limit=limit):
        downwards += [message.offset for message in page]
    upwards: list[int] = []
    while page := await storage.messages.page(room.id, after=upwards[-1] if upwards else 0, limit=limit):
        upwards += [message.offset for message in reversed(page)]

    expected = [offset for offset, gap in enumerate(gaps, start=2) if not gap]
    assert upwards == expected
    assert downwards == expected[::-1]


async def test_an_author_unknown_to_the_accounts_is_still_shown(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    stranger = replace(ada, id=ParticipantId("stranger"), name="stranger")
    message = a_message(room, 2, stranger)

    await append(storage, await claim(storage, room), posted(message))

    assert await storage.messages.get(room.id, message.id) == message
