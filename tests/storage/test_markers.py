"""Read markers, and the counts of what is above them."""

import pytest
from msgspec.structs import replace

from engine.domain.events import MemberLeft
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.domain.inbox import MOST_COUNTED, Unread
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.domain.rooms import Room
from engine.storage.repositories import Claimed, Mark, Storage
from tests.storage.made import a_message, add_user, append, at, claim, deleted, edited, joined, open_room, posted

pytestmark = pytest.mark.anyio


async def both(storage: Storage, ada: Participant, bob: Participant) -> tuple[Room, Claimed]:
    """A room of Ada's that Bob has joined; its head is 2."""
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    await append(storage, claimed, joined(2, bob))
    return room, claimed


async def counts(storage: Storage, room: Room, who: Participant) -> tuple[int, int]:
    """Unread messages and mentions; one person's list and one timeline's counts agree."""
    [mine] = [each for each in await storage.markers.unread(who.id, limit=100) if each.timeline_id == room.id]
    assert await storage.markers.unread_in(room.id, [who.id]) == {who.id: mine}
    return mine.unread, mine.mentions


async def mark(storage: Storage, room: Room, who: Participant, offset: int) -> int | None:
    [stands] = await storage.markers.mark([Mark(room.id, who.id, offset)], at=at(0))
    return stands


def gone(message: Message) -> Message:
    return replace(message, text="", mentions=[], mentions_all=False, deleted_at=at(99))


async def test_what_was_there_before_someone_joined_is_not_unread(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)

    await append(storage, claimed, posted(a_message(room, 2, ada, mentions=[bob.id])), joined(3, bob))
    await append(storage, claimed, posted(a_message(room, 4, ada)))

    assert await storage.markers.unread(bob.id, limit=9) == [
        Unread(timeline_id=room.id, kind=TimelineKind.ROOM, unread=1, mentions=0, last_read_offset=3)
    ]


async def test_unread_are_messages_of_others_above_the_marker(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    texts = [a_message(room, 3, ada), a_message(room, 4, bob), a_message(room, 5, ada), a_message(room, 6, ada)]
    await append(storage, claimed, *map(posted, texts), deleted(7, gone(texts[2])))

    assert await counts(storage, room, bob) == (2, 0)
    assert await counts(storage, room, ada) == (1, 0)
    await mark(storage, room, bob, 3)
    assert await counts(storage, room, bob) == (1, 0)


async def test_counting_may_end_at_an_offset(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    texts = [a_message(room, offset, ada, mentions=[bob.id]) for offset in range(3, 8)]
    await append(storage, claimed, *map(posted, texts))

    counted = [(await storage.markers.unread_in(room.id, [bob.id], up_to=offset))[bob.id] for offset in (2, 3, 6, 9)]

    assert [(each.unread, each.mentions) for each in counted] == [(0, 0), (1, 1), (4, 4), (5, 5)]


async def test_a_marker_never_goes_back(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    await append(storage, claimed, *[posted(a_message(room, offset, ada)) for offset in range(3, 9)])

    assert await mark(storage, room, bob, 6) == 6
    assert await mark(storage, room, bob, 4) == 6

    stands = await storage.markers.mark([Mark(room.id, bob.id, 8), Mark(room.id, bob.id, 7)], at=at(0))
    assert stands == [8, 8]
    assert await storage.markers.of({room.id: [bob.id]}) == {room.id: {bob.id: 8}}


async def test_only_members_have_a_marker(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    left = MemberLeft(offset=3, at=at(3), actor=bob.id, participant_id=bob.id)
    await append(storage, claimed, left)

    marks = [Mark(room.id, bob.id, 3), Mark(room.id, ada.id, 3), Mark(TimelineId("a\x00"), ada.id, 3)]
    assert await storage.markers.mark(marks, at=at(0)) == [None, 3, None]
    assert await storage.markers.unread(bob.id, limit=9) == []
    assert await storage.markers.unread_in(room.id, [bob.id]) == {}
    assert await storage.markers.mark([], at=at(0)) == []

    await append(storage, claimed, posted(a_message(room, 4, ada)), joined(5, bob))
    assert await storage.markers.of({room.id: [bob.id]}) == {room.id: {bob.id: 5}}


async def test_the_markers_of_many_timelines_are_read_at_once(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    tea, _ = await both(storage, ada, bob)
    lobby, _ = await both(storage, ada, bob)
    await mark(storage, tea, bob, 7)
    nobody, nowhere, unstorable = ParticipantId("nobody"), TimelineId("nowhere"), TimelineId("a\x00")

    found = await storage.markers.of(
        {tea.id: [ada.id, bob.id, nobody], lobby.id: [bob.id], nowhere: [ada.id], unstorable: [ada.id]}
    )

    assert found == {tea.id: {ada.id: 1, bob.id: 7}, lobby.id: {bob.id: 2}, nowhere: {}, unstorable: {}}
    assert await storage.markers.of({}) == {}


async def test_mentions_are_by_name_or_of_everyone_and_follow_edits_and_deletion(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    named = a_message(room, 3, ada, mentions=[bob.id])
    everyone = a_message(room, 4, ada, mentions=[bob.id], mentions_all=True)
    own = a_message(room, 5, bob, mentions=[bob.id], mentions_all=True)
    plain = a_message(room, 6, ada)
    await append(storage, claimed, *map(posted, [named, everyone, own, plain]))
    assert await counts(storage, room, bob) == (3, 2)
    assert await counts(storage, room, ada) == (1, 1)

    await append(storage, claimed, edited(7, replace(plain, mentions=[bob.id])), edited(8, replace(named, mentions=[])))
    assert await counts(storage, room, bob) == (3, 2)

    await append(storage, claimed, deleted(9, gone(everyone)), deleted(10, gone(named)))
    assert await counts(storage, room, bob) == (1, 1)

    await mark(storage, room, bob, 6)
    assert await counts(storage, room, bob) == (0, 0)


async def test_a_message_that_is_posted_edited_and_deleted_at_once_leaves_no_mention(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    message = a_message(room, 3, ada, mentions=[bob.id])

    again = edited(4, replace(message, mentions=[bob.id], mentions_all=True))
    await append(storage, claimed, posted(message), again, deleted(5, gone(message)))

    assert await counts(storage, room, bob) == (0, 0)


async def test_counting_ends_at_a_thousand(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    await append(
        storage, claimed, *[posted(a_message(room, 3 + n, ada, mentions=[bob.id])) for n in range(MOST_COUNTED + 1)]
    )
    assert await counts(storage, room, bob) == (MOST_COUNTED, MOST_COUNTED)

    await mark(storage, room, bob, 4)
    assert await counts(storage, room, bob) == (MOST_COUNTED - 1, MOST_COUNTED - 1)


async def test_counts_are_listed_by_timeline_in_pages(storage: Storage, ada: Participant) -> None:
    rooms = sorted([(await open_room(storage, ada)).id for _ in range(5)])
    bob = (await add_user(storage, "Other")).participant
    await open_room(storage, bob)

    first = await storage.markers.unread(ada.id, limit=3)
    rest = await storage.markers.unread(ada.id, after=first[-1].timeline_id, limit=3)

    assert [each.timeline_id for each in (*first, *rest)] == rooms
    assert await storage.markers.unread(ParticipantId("a\x00"), limit=3) == []
