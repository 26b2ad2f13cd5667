import anyio
import pytest

from engine.domain.events import Invited, MemberJoined, MemberLeft, MemberRemoved, MemberRoleChanged, RoomArchived
from engine.domain.fields import Role, Visibility
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, Forbidden, NotFound, RoomFull, StorageUnavailable
from engine.timelines.commands import (
    ArchiveRoom,
    CountPresence,
    Describe,
    ReadEvents,
    ReadPresence,
    Subscriptions,
    Unsubscribe,
)
from engine.timelines.fanout import ClientInfo, Ending
from engine.timelines.subscribers import Subscribers
from tests.engine.timelines.acting import Interposed, Listener, Perform, Place, a_place, decoded, person

pytestmark = pytest.mark.anyio

OWNER, MODERATOR, MEMBER = Role.OWNER, Role.MODERATOR, Role.MEMBER


@pytest.fixture
async def den(engine: Engine, ada: Principal, ben: Principal) -> Place:
    """A private room that Ada owns, with Ben as a member."""
    return await a_place(engine, ada, ben, visibility=Visibility.PRIVATE)


async def test_a_room_has_its_creator_as_owner(engine: Engine, ada: Principal):
    place = await a_place(engine, ada)

    assert await place.members(ada) == {"Ada": OWNER}
    assert isinstance((await place.events(ada))[0], MemberJoined)


async def test_joining_twice_is_joining_once(lobby: Place, cleo: Principal):
    first = await lobby.join(cleo)
    second = await lobby.join(cleo)

    assert first == second
    assert len(await lobby.events(cleo)) == 3


async def test_someone_who_left_joins_again(lobby: Place, ada: Principal, ben: Principal):
    await lobby.leave(ben)
    await lobby.leave(ben)
    await lobby.join(ben)

    assert await lobby.members(ada) == {"Ada": OWNER, "Ben": MEMBER}
    assert [type(each) for each in await lobby.events(ada, since=2)] == [MemberLeft, MemberJoined]


async def test_someone_who_was_removed_is_added_again(lobby: Place, ada: Principal, ben: Principal):
    await lobby.remove(ada, ben.participant)
    await lobby.put(ada, ben.participant)
    await lobby.put(ada, ben.participant)

    assert await lobby.members(ada) == {"Ada": OWNER, "Ben": MEMBER}
    assert [type(each) for each in await lobby.events(ada, since=2)] == [MemberRemoved, MemberJoined]


async def test_removing_someone_who_is_no_member_is_not_found(lobby: Place, ada: Principal, cleo: Principal):
    with pytest.raises(NotFound):
        await lobby.remove(ada, cleo.participant)


@pytest.mark.parametrize("breakdowns", [False, True])
async def test_200_joins_at_once_to_a_capacity_of_50_admit_exactly_50(
    engine: Engine, storage: Interposed, ada: Principal, breakdowns: bool
):
    place = await a_place(engine, ada, capacity=50)
    people = [await person(storage, f"guest-{number}") for number in range(200)]
    outcomes: list[str] = []
    appends = 0

    async def sometimes_down(name: str, perform: Perform):
        nonlocal appends
        appends += name == "append"
        if breakdowns and name == "append" and appends % 3 == 1:
            if appends % 2:
                await perform()  # committed, and nobody hears of it
            raise StorageUnavailable("the connection broke")
        return await perform()

    async def join(guest: Principal, delay: float) -> None:
        await anyio.sleep(delay)
        while True:
            try:
                await place.join(guest)
            except StorageUnavailable:
                continue
            except RoomFull:
                outcomes.append("full")
            else:
                outcomes.append("in")
            return

    storage.meddle = sometimes_down
    async with anyio.create_task_group() as tasks:
        for number, guest in enumerate(people):
            tasks.start_soon(join, guest, number % 5 / 10)

    assert (outcomes.count("in"), outcomes.count("full")) == (49, 151)
    assert len(await place.members(ada)) == 50
    assert len(await storage.rooms.members(place.id)) == 50
    assert [each.offset for each in await place.events(ada)] == list(range(1, 51))


async def test_nobody_is_told_that_a_room_is_full_because_of_joins_that_were_not_committed(
    engine: Engine, storage: Interposed, ada: Principal, ben: Principal, cleo: Principal
):
    place = await a_place(engine, ada, capacity=2)
    answers: list[str] = []

    async def down(name: str, perform: Perform):
        if name == "append":
            raise StorageUnavailable("the connection broke")
        return await perform()

    async def join(guest: Principal) -> None:
        try:
            await place.join(guest)
        except (RoomFull, StorageUnavailable) as refusal:
            answers.append(refusal.code)

    storage.meddle = down
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(join, ben)
        tasks.start_soon(join, cleo)

    assert answers == ["storage_unavailable"] * 2


async def test_adding_over_capacity_is_refused(engine: Engine, ada: Principal, ben: Principal):
    place = await a_place(engine, ada, capacity=1)

    with pytest.raises(RoomFull):
        await place.put(ada, ben.participant)


async def test_a_private_room_does_not_exist_for_strangers(den: Place, cleo: Principal):
    attempts = [
        den.join(cleo),
        den.leave(cleo),
        den.ref.ask(Describe(cleo)),
        den.post(cleo),
        den.page(cleo),
        den.events(cleo),
        den.listen(cleo),
        den.members(cleo),
        den.put(cleo, cleo.participant),
        den.remove(cleo, cleo.participant),
        den.change(cleo, name="Mine"),
        den.ref.ask(ArchiveRoom(cleo)),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt


async def test_a_private_room_is_there_for_its_members_and_for_administrators(
    den: Place, ben: Principal, root: Principal
):
    for reader in (ben, root):
        assert (await den.ref.ask(Describe(reader))).name == "Lobby"
        assert await den.members(reader) == {"Ada": OWNER, "Ben": MEMBER}
    await den.join(root)


async def test_strangers_see_a_public_room_and_read_nothing_of_it(lobby: Place, cleo: Principal):
    assert (await lobby.ref.ask(Describe(cleo))).name == "Lobby"
    for attempt in (lobby.page(cleo), lobby.events(cleo), lobby.listen(cleo), lobby.members(cleo)):
        with pytest.raises(Forbidden):
            await attempt


async def test_roles_decide_who_changes_roles(lobby: Place, ada: Principal, ben: Principal, cleo: Principal):
    await lobby.put(ada, ben.participant, MODERATOR)

    added = await lobby.put(ben, cleo.participant)
    with pytest.raises(Forbidden):
        await lobby.put(ben, cleo.participant, MODERATOR)
    with pytest.raises(Forbidden):
        await lobby.put(cleo, cleo.participant, OWNER)
    with pytest.raises(Conflict):
        await lobby.put(ada, ada.participant, MEMBER)
    await lobby.put(ada, cleo.participant, OWNER)
    await lobby.put(cleo, ada.participant, MEMBER)

    assert added.role is MEMBER
    assert await lobby.members(ada) == {"Ada": MEMBER, "Ben": MODERATOR, "Cleo": OWNER}


async def test_roles_decide_who_removes_whom(lobby: Place, ada: Principal, ben: Principal, cleo: Principal):
    await lobby.join(cleo)
    with pytest.raises(Forbidden):
        await lobby.remove(ben, cleo.participant)
    await lobby.put(ada, ben.participant, MODERATOR)
    with pytest.raises(Forbidden):
        await lobby.remove(ben, ada.participant)
    await lobby.remove(ben, cleo.participant)
    await lobby.put(ada, cleo.participant, OWNER)

    await lobby.remove(cleo, ada.participant)

    assert await lobby.members(ben) == {"Ben": MODERATOR, "Cleo": OWNER}


async def test_when_the_last_owner_leaves_the_longest_standing_moderator_follows(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal
):
    await lobby.put(ada, cleo.participant, MODERATOR)

    await lobby.leave(ada)

    assert await lobby.members(ben) == {"Ben": MEMBER, "Cleo": OWNER}
    assert [type(each) for each in await lobby.events(ben, since=3)] == [MemberLeft, MemberRoleChanged]


async def test_when_there_is_no_moderator_the_longest_standing_member_follows(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal
):
    await lobby.join(cleo)

    await lobby.leave(ada)

    assert await lobby.members(ben) == {"Ben": OWNER, "Cleo": MEMBER}


async def test_the_last_member_leaves_an_empty_room_that_others_may_enter(
    lobby: Place, ada: Principal, ben: Principal, root: Principal
):
    await lobby.leave(ben)
    await lobby.leave(ada)

    assert await lobby.members(root) == {}
    await lobby.join(ben)


async def test_who_is_added_by_others_is_told_on_their_own_timeline(
    lobby: Place, engine: Engine, ada: Principal, cleo: Principal
):
    await lobby.put(ada, cleo.participant)
    await anyio.sleep(1)
    own = engine.timelines.ref(f"user:{cleo.id}")
    assert own is not None

    window = await own.ask(ReadEvents(cleo, 0, 10))

    [invited] = decoded(window.publications)
    assert isinstance(invited, Invited)
    assert (invited.timeline_id, invited.name, invited.by) == (lobby.id, "Lobby", ada.participant)
    with pytest.raises(NotFound):
        await own.ask(ReadEvents(ada, 0, 10))


async def test_who_joins_by_themselves_is_not_told(lobby: Place, engine: Engine, cleo: Principal):
    await lobby.join(cleo)
    await anyio.sleep(1)
    own = engine.timelines.ref(f"user:{cleo.id}")
    assert own is not None

    assert (await own.ask(ReadEvents(cleo, 0, 10))).publications == ()


async def test_losing_membership_ends_subscriptions_after_the_event_was_delivered(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal
):
    await lobby.join(cleo)
    staying, _ = await lobby.listen(ada)
    phone, _ = await lobby.listen(ben, client="phone")
    laptop, _ = await lobby.listen(ben, client="laptop")
    leaving, _ = await lobby.listen(cleo)

    await lobby.remove(ada, ben.participant)
    await lobby.leave(cleo)
    await lobby.post(ada)

    assert phone.heard == laptop.heard == ["4", "not_a_member"]
    assert leaving.heard == ["4", "5", "not_a_member"]
    assert staying.heard == ["4", "5", "6"]
    assert sorted(staying.went) == ["Cleo's", "laptop", "phone"]
    assert phone.went == laptop.went == []


async def test_settings_are_changed_by_owners_and_administrators(
    lobby: Place, ada: Principal, ben: Principal, root: Principal
):
    changed = await lobby.change(ada, name="Parlour", capacity=5)
    same = await lobby.change(root, name="Parlour")
    with pytest.raises(Forbidden):
        await lobby.change(ben, name="Mine")
    with pytest.raises(Conflict):
        await lobby.change(ada, capacity=1)
    cleared = await lobby.change(ada, capacity=None)

    assert (changed.name, changed.capacity, same) == ("Parlour", 5, changed)
    assert cleared.capacity is None
    assert len(await lobby.events(ada)) == 4


async def test_an_archived_room_is_read_by_its_members_and_hidden_from_others(
    lobby: Place, ada: Principal, ben: Principal, cleo: Principal, root: Principal
):
    listener, _ = await lobby.listen(ben)
    [message] = await lobby.say(ada, "hello")

    await lobby.ref.ask(ArchiveRoom(ada))
    await lobby.ref.ask(ArchiveRoom(ada))

    assert isinstance(listener.events[-1], RoomArchived)
    for reader in (ben, root):
        assert (await lobby.page(reader)).items == [message]
        assert (await lobby.ref.ask(Describe(reader))).archived_at is not None
    for attempt in (lobby.ref.ask(Describe(cleo)), lobby.page(cleo), lobby.listen(cleo)):
        with pytest.raises(NotFound):
            await attempt
    for change in (lobby.join(cleo), lobby.put(ada, cleo.participant), lobby.change(ada, name="Open")):
        with pytest.raises(Conflict):
            await change


async def test_only_owners_archive(lobby: Place, ben: Principal):
    with pytest.raises(Forbidden):
        await lobby.ref.ask(ArchiveRoom(ben))


async def test_presence_lists_clients_and_counts_people(lobby: Place, ada: Principal, ben: Principal):
    first, _ = await lobby.listen(ada, client="phone")
    second, _ = await lobby.listen(ada, client="laptop")
    await lobby.listen(ada, client="phone")

    both = await lobby.ref.ask(CountPresence(ben))
    await lobby.ref.ask(Unsubscribe("phone"))
    clients = [each.client for each in await lobby.ref.ask(ReadPresence(ben))]

    assert both == Subscriptions(clients=2, people=1)
    assert clients == ["laptop"]
    assert (first.came, second.went) == (["laptop"], ["phone"])


async def test_when_everyone_is_dropped_nobody_is_told_of_the_others(ada: Principal):

    subscribers, sinks = Subscribers("room:1", few=100), [Listener() for _ in range(3)]
    for number, sink in enumerate(sinks):
        subscribers.add(ClientInfo(f"{number}", ada.id), sink)

    subscribers.end(Ending.RESTARTED)

    assert all(sink.went == [] and sink.endings == [Ending.RESTARTED] for sink in sinks)
    assert not subscribers
