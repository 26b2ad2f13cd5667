import msgspec
import pytest

from engine.domain.events import MessageDeleted
from engine.domain.fields import MessageId, Role
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.errors import Conflict, Forbidden, NotFound
from engine.timelines.commands import ArchiveRoom, Position
from tests.engine.timelines.acting import Interposed, Place, a_place, running
from tests.storage.made import new_id

pytestmark = pytest.mark.anyio

SECRET = "the secret words"


async def test_an_author_edits_their_message(lobby: Place, ada: Principal, ben: Principal):
    listener, _ = await lobby.listen(ben)
    [message] = await lobby.say(ada, "helo")

    edited = await lobby.edit(ada, message, "hello")

    assert edited.edited_at is not None
    assert msgspec.structs.replace(edited, text="helo", edited_at=None) == message
    assert (await lobby.page(ben)).items == [edited]
    assert listener.offsets == [3, 4]


async def test_nobody_else_edits_a_message(lobby: Place, ada: Principal, ben: Principal, root: Principal):
    [message] = await lobby.say(ben, "mine")
    await lobby.join(root)

    for other in (ada, root):
        with pytest.raises(Forbidden):
            await lobby.edit(other, message, "yours")


async def test_the_same_text_again_changes_nothing(lobby: Place, ada: Principal):
    [message] = await lobby.say(ada, "hello")
    listener, _ = await lobby.listen(ada)

    assert await lobby.edit(ada, message, "hello") == message
    assert listener.offsets == []


async def test_an_author_deletes_their_message(lobby: Place, ada: Principal, ben: Principal):
    listener, _ = await lobby.listen(ada)
    [message] = await lobby.say(ben, SECRET)

    deleted = await lobby.delete(ben, message)

    assert (deleted.text, deleted.offset, deleted.id) == ("", message.offset, message.id)
    assert deleted.deleted_at is not None
    assert [type(each) for each in listener.events[1:]] == [MessageDeleted]


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.OWNER])
async def test_moderators_and_owners_delete_the_messages_of_others(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal, role: Role
):
    await lobby.put(ada, cleo.participant, role)
    [message] = await lobby.say(ben, SECRET)

    assert (await lobby.delete(cleo, message)).text == ""


async def test_an_administrator_deletes_without_being_a_member(lobby: Place, ben: Principal, root: Principal):
    [message] = await lobby.say(ben, SECRET)

    assert (await lobby.delete(root, message)).text == ""


async def test_a_plain_member_or_a_stranger_deletes_nothing_of_others(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal
):
    [message] = await lobby.say(ada, "mine")

    for other in (ben, cleo):
        with pytest.raises(Forbidden):
            await lobby.delete(other, message)


async def test_deleting_again_changes_nothing(lobby: Place, ada: Principal):
    [message] = await lobby.say(ada, SECRET)
    deleted = await lobby.delete(ada, message)
    listener, _ = await lobby.listen(ada)

    assert await lobby.delete(ada, message) == deleted
    assert listener.offsets == []


async def test_a_deleted_message_is_not_edited(lobby: Place, ada: Principal):
    [message] = await lobby.say(ada, SECRET)
    await lobby.delete(ada, message)

    with pytest.raises(Conflict):
        await lobby.edit(ada, message, "back again")


async def test_an_unknown_message_is_not_found(lobby: Place, ada: Principal):
    [message] = await lobby.say(ada, "hello")
    unknown = msgspec.structs.replace(message, id=MessageId(new_id()))

    with pytest.raises(NotFound):
        await lobby.edit(ada, unknown, "?")
    with pytest.raises(NotFound):
        await lobby.delete(ada, unknown)


async def test_the_text_of_a_deleted_message_is_gone_everywhere(storage: Interposed, ada: Principal):
    for recent_events in (1, 3, 1000):  # the message's events lie in the table, in both places, in memory
        async with running(storage, recent_events=recent_events) as engine:
            place = await a_place(engine, ada)
            start = Position(0, (await place.listen(ada))[1].window.epoch)
            [message, _] = await place.say(ada, SECRET, "another")
            await place.edit(ada, message, SECRET + ", better")
            await place.delete(ada, message)
            _, recovered = await place.listen(ada, since=start)

            said = [
                *[msgspec.json.encode(event) for event in await place.events(ada)],
                *[each.data for each in recovered.window.publications],
                *[msgspec.json.encode(event) for event in await storage.log.events(place.id, after=0, limit=100)],
                msgspec.json.encode((await place.page(ada)).items),
                msgspec.json.encode(await engine.timelines.message(place.ref, ada, message.id)),
            ]
        async with running(storage) as engine:
            said += [msgspec.json.encode(event) for event in await Place(engine, place.id).events(ada)]

        assert recovered.recovered
        assert len(said) == 4 * 5 + 2
        assert not [each for each in said if b"secret" in each]


async def test_the_events_of_a_deleted_message_are_the_same_from_memory_and_from_the_table(
    lobby: Place, ada: Principal, storage: Interposed
):
    [message] = await lobby.say(ada, SECRET)
    await lobby.edit(ada, message, SECRET + ", better")
    await lobby.delete(ada, message)

    assert await lobby.events(ada) == await storage.log.events(lobby.id, after=0, limit=100)


async def test_messages_older_than_memory_are_edited_and_deleted(storage: Interposed, ada: Principal, ben: Principal):
    async with running(storage, recent_events=3) as engine:
        place = await a_place(engine, ada, ben)
        old = await place.say(ben, "one", "two", *"abcdef")

        edited = await place.edit(ben, old[0], "one, better")
        deleted = await place.delete(ada, old[1])
        with pytest.raises(Forbidden):
            await place.edit(ada, old[0], "not mine")
        with pytest.raises(Conflict):
            await place.edit(ben, old[1], "too late")
        again = await place.edit(ben, edited, "one, best")

        page = await place.page(ada)

    assert (edited.text, deleted.text) == ("one, better", "")
    assert _texts(page.items)[-2:] == ["", "one, best"]
    assert page.items[-1] == again


async def test_an_archived_room_takes_no_change_of_its_messages(lobby: Place, ada: Principal):
    [message] = await lobby.say(ada, "hello")
    await lobby.ref.ask(ArchiveRoom(ada))

    with pytest.raises(Conflict):
        await lobby.post(ada)
    with pytest.raises(Conflict):
        await lobby.edit(ada, message, "?")
    with pytest.raises(Conflict):
        await lobby.delete(ada, message)


def _texts(messages: list[Message]) -> list[str]:
    return [each.text for each in messages]
