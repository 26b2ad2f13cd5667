"""Read markers and counts, as the doors see them."""

import anyio
import pytest

from engine.domain.fields import ParticipantId, ParticipantKind, Visibility
from engine.domain.people import Participant, Principal
from engine.engine import Engine
from engine.errors import Forbidden, InvalidRequest, NotFound, StorageUnavailable
from engine.storage.memory import MemoryStorage, State
from tests.engine.inbox.reading import Device, a_while, read, unread
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running, unavailable

pytestmark = pytest.mark.anyio


async def test_what_others_post_is_unread_until_it_is_read(lobby: Place, ada: Principal, ben: Principal) -> None:
    await lobby.say(ada, "one", "two")
    await lobby.say(ben, "three")
    assert await unread(lobby, ben) == (2, 0, 2)

    marker = await read(lobby, ben, 4)

    assert marker.last_read_offset == 4
    assert await unread(lobby, ben) == (0, 0, 4)
    assert await unread(lobby, ada) == (1, 0, 1)


async def test_reading_further_back_changes_nothing(lobby: Place, ada: Principal, ben: Principal) -> None:
    await lobby.say(ada, "one", "two")
    await read(lobby, ben, 4)

    assert (await read(lobby, ben, 3)).last_read_offset == 4
    assert await unread(lobby, ben) == (0, 0, 4)


async def test_nobody_reads_what_is_not_there_yet(lobby: Place, ben: Principal) -> None:
    with pytest.raises(InvalidRequest, match=r"at most 2, .* not 3") as refused:
        await read(lobby, ben, 3)

    assert [each.path for each in refused.value.errors] == ["offset"]
    assert (await read(lobby, ben, 2)).last_read_offset == 2


async def test_only_members_have_a_marker(
    engine: Engine, lobby: Place, ada: Principal, cleo: Principal, root: Principal
) -> None:
    hidden = await a_place(engine, ada, visibility=Visibility.PRIVATE)

    with pytest.raises(Forbidden, match="join"):
        await read(lobby, cleo, 1)
    with pytest.raises(NotFound):
        await read(hidden, cleo, 1)
    with pytest.raises(Forbidden, match="only members"):
        await read(lobby, root, 1)


async def test_markers_and_counts_survive_a_restart(state: State, ada: Principal, ben: Principal) -> None:
    async with running(MemoryStorage(state)) as engine:
        lobby = await a_place(engine, ada, ben)
        await lobby.say(ada, "one", "two @Ben", "three")
        await read(lobby, ben, 3)

    async with running(MemoryStorage(state)) as engine:
        assert await unread(Place(engine, lobby.id), ben) == (2, 1, 3)


async def test_readings_at_the_same_time_go_into_few_writes(
    storage: Interposed, lobby: Place, ada: Principal, ben: Principal
) -> None:
    await lobby.say(ada, *["text"] * 50)
    writes = 0

    async def slow(name: str, perform: Perform) -> object:
        nonlocal writes
        if name == "mark":
            writes += 1
            await anyio.sleep(0.1)
        return await perform()

    storage.meddle = slow
    async with anyio.create_task_group() as tasks:
        for offset in range(3, 53):
            tasks.start_soon(read, lobby, ben, offset)

    assert writes <= 3
    assert await unread(lobby, ben) == (0, 0, 52)


async def test_a_reading_that_is_not_durable_is_not_answered(
    storage: Interposed, lobby: Place, ada: Principal, ben: Principal
) -> None:
    listener, _ = await lobby.listen(ada)
    storage.meddle = unavailable
    with pytest.raises(StorageUnavailable):
        await read(lobby, ben, 2)
    await a_while()

    assert listener.publications == []


async def test_listeners_are_shown_who_has_read(lobby: Place, ada: Principal, ben: Principal) -> None:
    device = Device()
    device.publications = (await lobby.listen(ada))[0].publications
    await lobby.say(ada, "one")

    await read(lobby, ben, 3)
    await read(lobby, ben, 2)
    await a_while()

    assert device.of_type("read") == [{"participant_id": ben.id, "offset": 3}]


async def test_readings_are_shown_a_few_times_a_second_and_of_each_person_the_latest(
    lobby: Place, ada: Principal, ben: Principal
) -> None:
    await lobby.say(ada, *["text"] * 20)
    device = Device()
    device.publications = (await lobby.listen(ada))[0].publications

    for offset in range(3, 23):
        await read(lobby, ben, offset)
    await a_while()

    assert device.of_type("read") == [
        {"participant_id": ben.id, "offset": 3},
        {"participant_id": ben.id, "offset": 22},
    ]


async def test_in_a_crowd_nobody_is_shown_who_has_read(engine: Engine, ada: Principal, ben: Principal) -> None:
    lobby = await a_place(engine, ada, ben)
    listener, _ = await lobby.listen(ada)
    present = [ada]
    for number in range(100):
        guest = Principal(Participant(ParticipantId(f"guest {number}"), ParticipantKind.USER, f"guest {number}"))
        await lobby.join(guest)
        await lobby.listen(guest)
        present.append(guest)
    listener.publications.clear()

    for guest in present:
        await read(lobby, guest, 2)
    await a_while()

    assert listener.publications == []
