"""Notifications: whom an event tells, and what becomes of it."""

import pytest
from msgspec.structs import replace

from engine.domain.conversations import Conversation, pair_key
from engine.domain.events import Event, MemberJoined, MemberRemoved
from engine.domain.fields import ConversationKind, ParticipantId, ParticipantKind, Role, TimelineId, TimelineKind
from engine.domain.inbox import Notification, NotificationKind, notification_id
from engine.domain.people import Participant
from engine.domain.rooms import Member, Room
from engine.storage.repositories import Append, Claimed, Mark, Storage
from tests.storage.made import (
    NOON,
    a_message,
    add_user,
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

MENTION, REPLY = NotificationKind.MENTION, NotificationKind.REPLY
INVITATION, PRIVATE = NotificationKind.INVITATION, NotificationKind.PRIVATE_MESSAGE


async def told(storage: Storage, who: Participant) -> list[tuple[NotificationKind, str | None]]:
    """What someone was told, oldest first, and of which message."""
    page = await storage.notifications.page(who.id, limit=100)
    return [(each.kind, each.message_id) for each in reversed(page)]


async def both(storage: Storage, ada: Participant, bob: Participant) -> tuple[Room, Claimed]:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    await append(storage, claimed, joined(2, bob))
    return room, claimed


async def a_talk(
    storage: Storage, ada: Participant, bob: Participant, kind: ConversationKind = ConversationKind.PRIVATE
) -> tuple[Room, Claimed]:
    """A conversation that Ada has begun with Bob; its head is 2."""
    talk = Conversation(id=TimelineId(new_id()), kind=kind, created_by=ada.id, created_at=NOON)
    begun: list[Event] = [
        MemberJoined(offset=offset, at=NOON, actor=ada.id, member=Member(who, Role.MEMBER, NOON))
        for offset, who in enumerate((ada, bob), start=1)
    ]
    key = pair_key(ada.id, bob.id, None) if kind is ConversationKind.PRIVATE else None
    assert await storage.conversations.create(talk, key, "epoch", begun) is None
    [claimed] = await storage.log.claim([talk.id])
    assert claimed is not None
    return Room(id=talk.id, name="", created_by=ada.id, created_at=NOON), claimed


async def test_who_is_named_is_told_with_the_post(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    message = a_message(room, 3, ada, mentions=[bob.id, ada.id])

    await append(storage, claimed, posted(message))

    [notification] = await storage.notifications.page(bob.id, limit=9)
    assert notification == Notification(
        id=notification_id(room.id, posted(message)),
        kind=MENTION,
        timeline_id=room.id,
        timeline_kind=TimelineKind.ROOM,
        message_id=message.id,
        actor=ada,
        at=message.created_at,
    )
    assert await told(storage, ada) == []
    assert await storage.notifications.unread(bob.id) == 1
    assert await storage.notifications.by_ids([notification.id, "unknown", "\x00"]) == [(bob.id, notification)]


async def test_a_post_that_is_refused_tells_nobody(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    again = posted(a_message(room, 2, ada, mentions=[bob.id]))  # the offset is taken

    [failure] = await storage.log.append([Append(room.id, claimed.term, (again,))])

    assert failure is not None
    assert await told(storage, bob) == []


async def test_who_is_answered_is_told_once_also_when_named(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    first = a_message(room, 3, bob)
    answer = a_message(room, 4, ada, reply_to=first.id)
    naming = a_message(room, 5, ada, reply_to=first.id, mentions=[bob.id], mentions_all=True)
    to_self = a_message(room, 6, bob, reply_to=first.id)

    await append(storage, claimed, *map(posted, [first, answer, naming, to_self]))

    assert await told(storage, bob) == [(REPLY, answer.id), (MENTION, naming.id)]
    assert await told(storage, ada) == []


async def test_naming_everyone_tells_each_once_until_they_have_read_it(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    calls = [a_message(room, offset, ada, mentions_all=True) for offset in (3, 4, 5)]
    await append(storage, claimed, posted(calls[0]), posted(calls[1]))
    assert await told(storage, bob) == [(MENTION, calls[0].id)]

    await storage.markers.mark([Mark(room.id, bob.id, 4)], at=at(50))
    assert await storage.notifications.unread(bob.id) == 0
    await append(storage, claimed, posted(calls[2]))

    assert await told(storage, bob) == [(MENTION, calls[0].id), (MENTION, calls[2].id)]
    [new, old] = await storage.notifications.page(bob.id, limit=9)
    assert (new.read_at, old.read_at) == (None, at(50))


async def test_naming_everyone_in_a_crowd_tells_nobody(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    crowd = [Participant(ParticipantId(f"guest {n}"), ParticipantKind.AGENT, f"guest {n}") for n in range(999)]
    await append(storage, claimed, *[joined(3 + n, each) for n, each in enumerate(crowd)])

    await append(storage, claimed, posted(a_message(room, 1002, ada, mentions_all=True)))

    assert await told(storage, bob) == []


async def test_who_was_added_by_someone_is_told(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = await open_room(storage, ada)
    added = replace(joined(2, bob), actor=ada.id)

    await append(storage, await claim(storage, room), added)

    [notification] = await storage.notifications.page(bob.id, limit=9)
    assert (notification.kind, notification.timeline_id, notification.actor) == (INVITATION, room.id, ada)
    assert notification.message_id is None


async def test_a_private_conversation_tells_of_one_unread_message(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    talk, claimed = await a_talk(storage, ada, bob)
    messages = [a_message(talk, offset, ada) for offset in (3, 4, 5, 6)]
    await append(storage, claimed, posted(messages[0]), posted(messages[1]))
    await append(storage, claimed, posted(messages[2]))
    assert await told(storage, bob) == [(INVITATION, None), (PRIVATE, messages[0].id)]

    await storage.markers.mark([Mark(talk.id, bob.id, 5)], at=at(9))
    await append(storage, claimed, posted(messages[3]))

    assert await told(storage, bob) == [(INVITATION, None), (PRIVATE, messages[0].id), (PRIVATE, messages[3].id)]
    assert await told(storage, ada) == []


async def test_messages_of_both_in_one_write_tell_each_of_the_others(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    talk, claimed = await a_talk(storage, ada, bob)
    mine, yours = a_message(talk, 3, ada), a_message(talk, 4, bob)

    await append(storage, claimed, posted(mine), posted(yours))

    assert await told(storage, ada) == [(PRIVATE, yours.id)]
    assert await told(storage, bob) == [(INVITATION, None), (PRIVATE, mine.id)]


async def test_a_private_message_after_one_that_names_the_other_is_told_too(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    talk, claimed = await a_talk(storage, ada, bob)
    naming, plain = a_message(talk, 3, ada, mentions=[bob.id]), a_message(talk, 4, ada)

    await append(storage, claimed, posted(naming), posted(plain))

    assert await told(storage, bob) == [(INVITATION, None), (MENTION, naming.id), (PRIVATE, plain.id)]


async def test_a_plain_message_to_a_group_or_room_tells_nobody(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    group, claimed = await a_talk(storage, ada, bob, ConversationKind.GROUP)
    await append(storage, claimed, posted(a_message(group, 3, ada)))
    room, claimed = await both(storage, ada, bob)
    await append(storage, claimed, posted(a_message(room, 3, ada)))

    assert await told(storage, bob) == [(INVITATION, None)]


async def test_nobody_is_told_who_may_not_see_it(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    his = a_message(room, 3, bob)
    await append(storage, claimed, posted(his), posted(a_message(room, 4, ada, mentions=[bob.id])))
    removed = MemberRemoved(offset=5, at=at(5), actor=ada.id, participant_id=bob.id)

    await append(storage, claimed, removed, posted(a_message(room, 6, ada, mentions=[bob.id], reply_to=his.id)))

    assert await told(storage, bob) == []
    assert await storage.notifications.unread(bob.id) == 0


async def test_agents_are_told_nothing(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    agent = Participant(ParticipantId(new_id()), ParticipantKind.AGENT, "Agent")

    await append(
        storage,
        await claim(storage, room),
        joined(2, agent),
        posted(a_message(room, 3, ada, mentions=[agent.id], mentions_all=True)),
    )

    assert await told(storage, agent) == []


async def test_edits_and_deletion_tell_nobody_and_keep_what_was_told(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    message, plain = a_message(room, 3, ada, mentions=[bob.id]), a_message(room, 4, ada)

    await append(storage, claimed, posted(message), posted(plain), edited(5, replace(plain, mentions=[bob.id])))
    await append(storage, claimed, deleted(6, replace(message, text="", mentions=[], deleted_at=at(6))))

    assert await told(storage, bob) == [(MENTION, message.id)]


async def test_pages_go_from_the_newest_to_the_oldest_and_reading_up_to_one_reads_the_older(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room, claimed = await both(storage, ada, bob)
    messages = [a_message(room, offset, ada, mentions=[bob.id]) for offset in range(3, 10)]
    await append(storage, claimed, *map(posted, messages))

    first = await storage.notifications.page(bob.id, limit=4)
    rest = await storage.notifications.page(bob.id, after=first[-1].id, limit=4)
    assert [each.message_id for each in (*first, *rest)] == [each.id for each in reversed(messages)]

    assert await storage.notifications.read(bob.id, up_to=rest[0].id, at=at(60)) == 3
    assert await storage.notifications.unread(bob.id) == 4
    assert await storage.notifications.read(ada.id, up_to=None, at=at(61)) == 0
    assert await storage.notifications.read(bob.id, up_to=None, at=at(62)) == 4
    assert await storage.notifications.unread(bob.id) == 0
    moments = [each.read_at for each in await storage.notifications.page(bob.id, limit=9)]
    assert moments == [at(62)] * 4 + [at(60)] * 3


async def test_trimming_keeps_the_newest_of_everyone(storage: Storage, ada: Participant, bob: Participant) -> None:
    room, claimed = await both(storage, ada, bob)
    cleo = (await add_user(storage, "Cleo")).participant
    await append(storage, claimed, joined(3, cleo))
    messages = [a_message(room, offset, ada, mentions=[bob.id]) for offset in range(4, 10)]
    await append(storage, claimed, *map(posted, messages), posted(a_message(room, 10, ada, mentions=[cleo.id])))

    assert await storage.notifications.trim(keep=2) == 4
    assert await storage.notifications.trim(keep=2) == 0

    assert [message_id for _, message_id in await told(storage, bob)] == [each.id for each in messages[-2:]]
    assert len(await told(storage, cleo)) == 1


def test_a_notifications_id_is_a_uuid_that_orders_by_time() -> None:
    room = TimelineId(new_id())
    ids = [notification_id(room, replace(joined(1, Participant(ParticipantId("a"), ParticipantKind.USER, "a")), at=when))
           for when in (at(0), at(0.0005), at(0.002), at(1))]  # fmt: skip

    assert ids == sorted(ids)
    assert {each[14] for each in ids} == {"7"}
