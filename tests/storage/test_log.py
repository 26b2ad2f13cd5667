"""The event log: terms, whole batches, refusals of single entries, projections."""

from datetime import timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.events import (
    Event,
    Invited,
    MemberLeft,
    MemberRemoved,
    MemberRoleChanged,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import ParticipantId, ParticipantKind, Role, TimelineId, TimelineKind, Visibility
from engine.domain.people import Participant
from engine.errors import Overtaken
from engine.storage.repositories import Append, Storage
from tests.storage.made import (
    NOON,
    a_message,
    a_room,
    append,
    at,
    claim,
    deleted,
    edited,
    joined,
    new_id,
    open_room,
    posted,
)

pytestmark = pytest.mark.anyio


async def test_a_claim_raises_the_term_and_tells_epoch_and_head(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)

    first, second = await claim(storage, room), await claim(storage, room)

    assert (first.term, first.epoch, first.head) == (1, "epoch", 1)
    assert second == replace(first, term=2)


async def test_an_empty_log_has_head_zero(storage: Storage, ada: Participant) -> None:
    [own] = await storage.log.claim([TimelineId(ada.id)])

    assert own is not None
    assert own.head == 0


async def test_claims_answer_in_order_with_none_for_what_does_not_exist(storage: Storage, ada: Participant) -> None:
    rooms = [await open_room(storage, ada) for _ in range(3)]
    asked = [rooms[2].id, TimelineId("nowhere"), rooms[0].id, TimelineId("a\x00b"), TimelineId("\ud800"), rooms[1].id]

    claimed = await storage.log.claim(asked)

    found = [one.timeline_id if one else None for one in claimed]
    assert found == [rooms[2].id, None, rooms[0].id, None, None, rooms[1].id]


async def test_appended_events_are_read_back_as_they_were(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(
        room, 2, ada, "héllo 🎉", "key", language="fr", reactions={"👍": [bob.id]}, mentions=[bob.id], reply_to="other"
    )
    written: list[Event] = [
        posted(message),
        edited(3, replace(message, text="changed", edited_at=at(3))),
        joined(4, bob),
        MemberRoleChanged(offset=5, at=at(5), actor=ada.id, participant_id=bob.id, role=Role.MODERATOR),
        MemberLeft(offset=6, at=at(6), actor=bob.id, participant_id=bob.id),
        MemberRemoved(offset=7, at=at(7), actor=ada.id, participant_id=bob.id),
        RoomUpdated(offset=8, at=at(8), actor=ada.id, room=replace(room, name="Salon")),
        Invited(offset=9, at=at(9), actor=ada.id, timeline_id=room.id, kind=TimelineKind.ROOM, name=None, by=ada),
        RoomArchived(offset=10, at=at(10), actor=ada.id),
    ]

    await append(storage, claimed, *written)

    assert await storage.log.events(room.id, after=1, limit=100) == written


async def test_who_goes_first_has_what_is_overtaken_written_not_at_all(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    entry = Append(room.id, claimed.term, (joined(2, bob),))

    with pytest.raises(Overtaken):
        await storage.log.append([entry], overtaken=lambda: True)

    assert await storage.log.events(room.id, after=1, limit=9) == []
    assert await storage.log.append([entry], overtaken=lambda: False) == [None]
    assert await storage.log.events(room.id, after=1, limit=9) == [joined(2, bob)]


async def test_events_come_oldest_first_above_a_bound_and_up_to_a_limit(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    await append(storage, claimed, *[posted(a_message(room, offset, ada)) for offset in range(2, 12)])

    events = await storage.log.events(room.id, after=4, limit=3)

    assert [event.offset for event in events] == [5, 6, 7]
    assert await storage.log.events(room.id, after=11, limit=3) == []
    assert await storage.log.events(TimelineId("nowhere"), after=0, limit=3) == []


async def test_a_stale_term_is_fenced_and_forces_nothing_on_the_others(storage: Storage, ada: Participant) -> None:
    rooms = [await open_room(storage, ada) for _ in range(3)]
    claims = [await claim(storage, room) for room in rooms]
    await claim(storage, rooms[1])
    batch = [
        Append(room.id, one.term, (posted(a_message(room, 2, ada)),)) for room, one in zip(rooms, claims, strict=True)
    ]

    failures = await storage.log.append([*batch, Append(TimelineId("nowhere"), 1, ())])

    assert [failure and failure.reason for failure in failures] == [None, "fenced", None, "fenced"]
    assert [len(await storage.log.events(room.id, after=1, limit=9)) for room in rooms] == [1, 0, 1]
    assert await storage.messages.page(rooms[1].id, limit=9) == []


async def test_a_term_not_yet_given_out_is_fenced(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)

    [failure] = await storage.log.append([Append(room.id, claimed.term + 1, (posted(a_message(room, 2, ada)),))])

    assert failure is not None
    assert failure.reason == "fenced"


async def test_only_the_entries_at_fault_are_refused_each_for_its_reason(storage: Storage, ada: Participant) -> None:
    rooms = [await open_room(storage, ada) for _ in range(9)]
    claims = [await claim(storage, room) for room in rooms]
    for room, claimed in zip(rooms, claims, strict=True):
        await append(storage, claimed, posted(a_message(room, 2, ada, client_id="used")))
    await claim(storage, rooms[6])
    texts = ["fine"] * 9
    texts[1], texts[4] = "half a pair \ud83d", "a nul \x00"
    offsets = [3, 3, 2, 3, 3, 3, 3, 3, 3]
    keys = ["a", "a", "a", "used", "a", "a", "a", "a", "a"]
    batch = [
        Append(room.id, one.term, (posted(a_message(room, offset, ada, text, key)),))
        for room, one, offset, text, key in zip(rooms, claims, offsets, texts, keys, strict=True)
    ]

    failures = await storage.log.append(batch)

    reasons = [failure and failure.reason for failure in failures]
    assert reasons == [None, "invalid", "conflict", "conflict", "invalid", None, "fenced", None, None]
    heads = [one and one.head for one in await storage.log.claim([room.id for room in rooms])]
    assert heads == [3, 2, 2, 2, 2, 3, 2, 3, 3]


async def test_an_entry_is_written_as_a_whole_or_not_at_all(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    twice = [posted(a_message(room, offset, ada, client_id="same")) for offset in (3, 4)]

    [failure] = await storage.log.append([Append(room.id, claimed.term, (joined(2, bob), *twice))])

    assert failure is not None
    assert failure.reason == "conflict"
    assert await storage.log.events(room.id, after=1, limit=9) == []
    assert [member.participant for member in await storage.rooms.members(room.id)] == [ada]


async def test_a_refusal_never_repeats_what_somebody_wrote(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)

    for secret in ("secret\x00", "secret\ud800"):
        [failure] = await storage.log.append(
            [Append(room.id, claimed.term, (posted(a_message(room, 2, ada, secret)),))]
        )

        assert failure is not None
        assert "secret" not in failure.detail


async def test_the_literal_text_of_an_escape_is_not_mistaken_for_a_nul(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    message = a_message(room, 2, ada, r"write \u0000 in JSON, or \\u0000")

    await append(storage, await claim(storage, room), posted(message))

    assert await storage.messages.get(room.id, message.id) == message


async def test_an_empty_batch_is_fine(storage: Storage) -> None:
    assert await storage.log.append([]) == []
    assert await storage.log.claim([]) == []


async def test_an_edit_changes_the_message(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(room, 2, ada, "helo", "key")
    changed = replace(message, text="hello", language="en", edited_at=at(3), mentions=[ada.id])

    await append(storage, claimed, posted(message))
    await append(storage, claimed, edited(3, changed))

    assert await storage.messages.get(room.id, message.id) == changed


async def test_deleting_a_message_blanks_its_text_everywhere(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message, other = a_message(room, 2, ada, "secret", "key"), a_message(room, 3, ada, "kept")
    empty = replace(message, text="", deleted_at=at(5))
    await append(storage, claimed, posted(message), posted(other))
    await append(storage, claimed, edited(4, replace(message, text="secret still", edited_at=at(4))))

    await append(storage, claimed, deleted(5, empty))

    expected = [
        posted(replace(message, text="")),
        posted(other),
        edited(4, replace(message, text="", edited_at=at(4))),
        deleted(5, empty),
    ]
    assert await storage.log.events(room.id, after=1, limit=9) == expected
    assert await storage.messages.get(room.id, message.id) == empty
    assert await storage.messages.page(room.id, limit=9) == [other, empty]
    assert await storage.messages.by_client_ids(room.id, [(ada.id, "key")]) == [empty]


async def test_one_append_may_post_edit_and_delete(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    message = a_message(room, 2, ada, "secret")
    empty = replace(message, text="", edited_at=at(3), deleted_at=at(4))
    story = (posted(message), edited(3, replace(message, text="secret", edited_at=at(3))), deleted(4, empty))

    await append(storage, await claim(storage, room), *story)

    assert await storage.messages.get(room.id, message.id) == empty
    assert all(
        event.message.text == ""  # type: ignore[union-attr]
        for event in await storage.log.events(room.id, after=1, limit=9)
    )


async def test_changes_to_another_timelines_message_change_nothing(storage: Storage, ada: Participant) -> None:
    room, other = await open_room(storage, ada), await open_room(storage, ada)
    message = a_message(room, 2, ada, "mine")
    await append(storage, await claim(storage, room), posted(message))

    foreign = replace(message, text="", deleted_at=at(3))
    await append(storage, await claim(storage, other), edited(2, replace(message, text="theirs")), deleted(3, foreign))

    assert await storage.messages.get(room.id, message.id) == message
    assert await storage.log.events(room.id, after=1, limit=9) == [posted(message)]


async def test_memberships_follow_the_events_in_their_order(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    eve = Participant(ParticipantId(new_id()), ParticipantKind.AGENT, "Eve")
    story = (
        joined(2, bob),
        MemberLeft(offset=3, at=at(3), actor=bob.id, participant_id=bob.id),
        joined(4, eve, seconds=4),
        joined(5, bob, seconds=5),
        MemberRoleChanged(offset=6, at=at(6), actor=ada.id, participant_id=bob.id, role=Role.MODERATOR),
        MemberRemoved(offset=7, at=at(7), actor=bob.id, participant_id=ada.id),
        joined(8, eve, Role.OWNER, seconds=8),
    )

    await append(storage, await claim(storage, room), *story)

    members = [(member.participant, member.role, member.joined_at) for member in await storage.rooms.members(room.id)]
    assert members == [(bob, Role.MODERATOR, at(5)), (eve, Role.OWNER, at(8))]


async def test_a_rooms_settings_and_end_follow_its_events(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    updated = replace(
        room,
        name="Salon",
        description="quiet",
        visibility=Visibility.PRIVATE,
        capacity=9,
        language="fr",
        translation=False,
        slow_mode_seconds=5,
        glossary="g",
        formality="more",
    )

    await append(storage, claimed, RoomUpdated(offset=2, at=at(2), actor=ada.id, room=updated))
    assert await storage.rooms.get(room.id) == updated
    await append(storage, claimed, RoomArchived(offset=3, at=at(3), actor=ada.id))

    assert await storage.rooms.get(room.id) == replace(updated, archived_at=at(3))


async def test_many_timelines_with_different_stories_share_a_batch(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    rooms = [await open_room(storage, ada, f"Room {number}") for number in range(6)]
    claims = [one for one in await storage.log.claim([room.id for room in rooms]) if one]
    stories: list[tuple[Event, ...]] = [
        (joined(2, bob), posted(a_message(rooms[0], 3, bob))),
        (posted(a_message(rooms[1], 2, ada)), joined(3, bob)),
        (RoomArchived(offset=2, at=at(2), actor=ada.id),),
        (),
        (joined(2, bob), MemberLeft(offset=3, at=at(3), actor=bob.id, participant_id=bob.id), joined(4, bob)),
        (MemberLeft(offset=2, at=at(2), actor=ada.id, participant_id=ada.id),),
    ]

    failures = await storage.log.append(
        [Append(one.timeline_id, one.term, story) for one, story in zip(claims, stories, strict=True)]
    )

    assert failures == [None] * 6
    assert [len(await storage.rooms.members(room.id)) for room in rooms] == [2, 2, 1, 1, 2, 0]
    assert [len(await storage.messages.page(room.id, limit=9)) for room in rooms] == [1, 1, 0, 0, 0, 0]


async def test_times_of_any_zone_keep_their_moment_to_the_microsecond(storage: Storage, ada: Participant) -> None:
    moment = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    room = a_room(by=ada)

    await storage.rooms.create(replace(room, created_at=moment), "epoch", [])

    assert await storage.rooms.get(room.id) == room


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))
async def test_any_text_comes_back_unchanged(storage: Storage, ada: Participant, text: str) -> None:
    room = await open_room(storage, ada)
    message = a_message(room, 2, ada, text)

    await append(storage, await claim(storage, room), posted(message))

    assert await storage.messages.get(room.id, message.id) == message
    assert await storage.log.events(room.id, after=1, limit=1) == [posted(message)]
