"""Conversations, and what rooms and conversations have gained: bans, mutes, reactions, threads, versions, invitations."""

import anyio
import pytest
from msgspec.structs import replace

from engine.domain.conversations import Conversation, pair_key
from engine.domain.events import (
    ConversationUpdated,
    MemberBanned,
    MemberLeft,
    MemberMuted,
    MemberUnbanned,
    ReactionAdded,
    ReactionRemoved,
)
from engine.domain.fields import ConversationKind, MessageId, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.domain.rooms import Ban
from engine.errors import Conflict
from engine.storage.repositories import Append, Invite, Storage, Version
from tests.storage.made import (
    NOON,
    a_message,
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


def a_conversation(by: Participant, **fields: object) -> Conversation:
    values = {"kind": ConversationKind.GROUP, "title": "Us"} | fields
    return Conversation(id=TimelineId(new_id()), created_by=by.id, created_at=NOON, **values)  # type: ignore[arg-type]


def added(offset: int, message: Message, who: Participant, emoji: str) -> ReactionAdded:
    return ReactionAdded(offset=offset, at=at(offset), actor=who.id, message_id=message.id, emoji=emoji)


async def test_a_new_conversation_has_its_members(storage: Storage, ada: Participant, bob: Participant) -> None:
    conversation = a_conversation(ada)

    assert await storage.conversations.create(conversation, None, "epoch", [joined(1, ada), joined(2, bob)]) is None

    assert await storage.conversations.get(conversation.id) == conversation
    assert [member.participant for member in await storage.rooms.members(conversation.id)] == [ada, bob]
    assert await storage.conversations.of(bob.id, limit=9) == [conversation]


async def test_of_two_with_one_pair_key_the_first_stands(storage: Storage, ada: Participant, bob: Participant) -> None:
    key = pair_key(ada.id, bob.id, None)
    made = [a_conversation(ada, kind=ConversationKind.PRIVATE, title=None) for _ in range(5)]
    answers: dict[TimelineId, Conversation | None] = {}

    async def create(conversation: Conversation) -> None:
        answers[conversation.id] = await storage.conversations.create(conversation, key, "epoch", [joined(1, ada)])

    async with anyio.create_task_group() as tasks:
        for conversation in made:
            tasks.start_soon(create, conversation)

    (winner,) = (conversation for conversation in made if answers[conversation.id] is None)
    assert [found for found in answers.values() if found is not None] == [winner] * 4
    assert await storage.conversations.of(ada.id, limit=9) == [winner]


async def test_an_id_is_given_once(storage: Storage, ada: Participant) -> None:
    conversation = a_conversation(ada)
    await storage.conversations.create(conversation, None, "epoch", [joined(1, ada)])

    with pytest.raises(Conflict):
        await storage.conversations.create(conversation, None, "epoch", [joined(1, ada)])


async def test_an_unknown_conversation_is_none(storage: Storage, ada: Participant) -> None:
    assert await storage.conversations.get(TimelineId("a\x00b")) is None
    assert await storage.conversations.get(TimelineId(new_id())) is None
    assert await storage.conversations.of(ada.id, limit=9) == []


async def test_a_conversation_changes_and_is_left(storage: Storage, ada: Participant, bob: Participant) -> None:
    conversation = a_conversation(ada)
    await storage.conversations.create(conversation, None, "epoch", [joined(1, ada), joined(2, bob)])
    changed = replace(conversation, title="We", archived_at=at(3))
    [claimed] = await storage.log.claim([conversation.id])
    assert claimed is not None

    events = (
        ConversationUpdated(offset=3, at=at(3), actor=ada.id, conversation=changed),
        MemberLeft(offset=4, at=at(4), actor=bob.id, participant_id=bob.id, participant=bob),
    )
    assert await storage.log.append([Append(conversation.id, claimed.term, events)]) == [None]

    assert await storage.conversations.of(ada.id, limit=9) == [changed]
    assert await storage.conversations.of(bob.id, limit=9) == []
    assert await storage.log.events(conversation.id, after=2, limit=9) == list(events)


async def test_conversations_are_listed_in_pages(storage: Storage, ada: Participant) -> None:
    made = [a_conversation(ada) for _ in range(5)]
    for conversation in made:
        await storage.conversations.create(conversation, None, "epoch", [joined(1, ada)])

    first = await storage.conversations.of(ada.id, limit=3)
    second = await storage.conversations.of(ada.id, after=first[-1].id, limit=3)

    assert first + second == sorted(made, key=lambda each: each.id)


async def test_who_takes_part_is_told_of_many_conversations_at_once(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    both, alone = a_conversation(ada), a_conversation(ada)
    await storage.conversations.create(both, None, "epoch", [joined(1, bob), joined(2, ada, seconds=1)])
    await storage.conversations.create(alone, None, "epoch", [joined(1, ada)])

    told = await storage.conversations.participants([both.id, alone.id, TimelineId(new_id()), TimelineId("\0")])

    assert told == {both.id: [bob, ada], alone.id: [ada]}


async def test_bans_come_go_and_are_replaced(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    ban = Ban(participant=bob, until=None, reason="spam", by=ada.id, at=at(2))
    shorter = replace(ban, until=at(60), reason=None)

    await append(storage, claimed, MemberBanned(offset=2, at=at(2), actor=ada.id, ban=ban))
    first = await storage.rooms.bans(room.id)
    await append(storage, claimed, MemberBanned(offset=3, at=at(3), actor=ada.id, ban=shorter))
    second = await storage.rooms.bans(room.id)
    await append(storage, claimed, MemberUnbanned(offset=4, at=at(4), actor=ada.id, participant_id=bob.id))

    assert (first, second, await storage.rooms.bans(room.id)) == ([ban], [shorter], [])


async def test_a_mute_is_the_members_and_ends_with_the_membership(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    mute = MemberMuted(offset=3, at=at(3), actor=ada.id, participant_id=bob.id, until=at(60))

    await append(storage, claimed, joined(2, bob), mute)
    muted = await storage.rooms.members(room.id)
    await append(storage, claimed, joined(4, bob, seconds=4))

    assert [member.muted_until for member in muted] == [None, at(60)]
    assert [member.muted_until for member in await storage.rooms.members(room.id)] == [None, None]


async def test_reactions_are_kept_in_the_order_in_which_they_were_made(
    storage: Storage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message, other = a_message(room, 2, ada), a_message(room, 3, ada)
    back = ReactionRemoved(offset=8, at=at(8), actor=bob.id, message_id=message.id, emoji="🎉")

    await append(storage, claimed, posted(message), posted(other), added(4, message, bob, "👍"))
    await append(
        storage, claimed, added(5, message, ada, "👍"), added(6, other, ada, "✅"), added(7, message, bob, "🎉")
    )
    await append(storage, claimed, back)

    expected = replace(message, reactions={"👍": [bob.id, ada.id]})
    assert await storage.messages.get(room.id, message.id) == expected
    assert await storage.messages.page(room.id, limit=9) == [replace(other, reactions={"✅": [ada.id]}), expected]


async def test_a_deleted_message_loses_its_reactions_and_an_edited_one_keeps_them(
    storage: Storage, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(room, 2, ada)
    new = replace(message, text="hallo", edited_at=at(4), reactions={"👍": [ada.id]})

    await append(storage, claimed, posted(message), added(3, message, ada, "👍"), edited(4, new))
    kept = await storage.messages.get(room.id, message.id)
    gone = replace(message, text="", deleted_at=at(5))
    await append(storage, claimed, deleted(5, gone))

    assert kept == new
    assert await storage.messages.get(room.id, message.id) == gone


async def test_mentions_are_stored(storage: Storage, ada: Participant, bob: Participant) -> None:
    room = await open_room(storage, ada)
    message = a_message(room, 2, ada, "@bob @room", mentions=[bob.id], mentions_all=True)

    await append(storage, await claim(storage, room), posted(message))

    assert await storage.messages.get(room.id, message.id) == message


async def test_a_thread_has_the_replies_at_any_depth(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    root = a_message(room, 2, ada)
    first = a_message(room, 3, ada, reply_to=root.id)
    other = a_message(room, 4, ada)
    second = a_message(room, 5, ada, reply_to=first.id)
    aside = a_message(room, 6, ada, reply_to=other.id)
    third = a_message(room, 7, ada, reply_to=root.id)
    for message in (root, first, other, second, aside, third):
        await append(storage, await claim(storage, room), posted(message))

    thread = storage.messages.thread
    assert await thread(room.id, root.id, limit=9) == [first, second, third]
    assert await thread(room.id, root.id, limit=2) == [first, second]
    assert await thread(room.id, root.id, after=5, limit=9) == [third]
    assert await thread(room.id, MessageId(new_id()), limit=9) == []


async def test_versions_are_what_was_said_until_it_is_deleted(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(room, 2, ada, "teh")
    await append(
        storage, claimed, posted(message), added(3, message, ada, "👍"), edited(4, replace(message, text="the"))
    )

    before = await storage.messages.versions(room.id, message.id)
    await append(storage, claimed, deleted(5, replace(message, text="", deleted_at=at(5))))

    assert before == [Version("teh", at(2)), Version("the", at(4))]
    assert [version.text for version in await storage.messages.versions(room.id, message.id)] == ["", ""]


async def test_an_invitation_is_found_revoked_and_forgotten(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    first, second = (
        Invite(digest=digest, timeline_id=room.id, created_by=ada.id, created_at=NOON, expires_at=at(seconds))
        for digest, seconds in ((b"one", 60), (b"two", 600))
    )
    await storage.invites.add(first)
    await storage.invites.add(second)

    assert await storage.invites.get(b"one") == first
    assert await storage.invites.purge(expired_before=at(61)) == 1
    assert await storage.invites.get(b"one") is None
    assert (await storage.invites.revoke(b"two"), await storage.invites.revoke(b"two")) == (True, False)
