"""Two servers on one database: the second takes a room over, and nothing is lost, doubled or out of order."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import aiohttp
import anyio
import pytest

from tests.support.server import GatheringServer
from tests.support.visitors import Answer, Follower, Gone, Refusal, Visitor, until

pytestmark = pytest.mark.anyio

HASTE = 0.05
"""Seconds between attempts: Retry-After says more, and a test is in haste."""
UNLIMITED = {"commands_per_second": 100_000, "commands_burst": 100_000}


@pytest.fixture
def first(database_url: str) -> Iterator[GatheringServer]:
    with GatheringServer(database_url, **UNLIMITED) as server:
        yield server


@pytest.fixture
def second(database_url: str, first: GatheringServer) -> Iterator[GatheringServer]:
    assert first.pid  # it runs already
    with GatheringServer(database_url, **UNLIMITED) as server:
        yield server


@pytest.fixture
async def ada(first: GatheringServer, session: aiohttp.ClientSession) -> Visitor:
    return await Visitor.register(session, first, "ada")


@pytest.fixture
async def ben(first: GatheringServer, session: aiohttp.ClientSession) -> Visitor:
    return await Visitor.register(session, first, "ben")


@pytest.fixture
async def cleo(second: GatheringServer, session: aiohttp.ClientSession) -> Visitor:
    return await Visitor.register(session, second, "cleo")


async def insist(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until it is not refused because the other server has the room just now."""
    while (answer := await ask()).status == 503:  # noqa: ASYNC110 - another process's
        await anyio.sleep(HASTE)
    return answer


async def test_who_listens_quietly_at_the_first_server_is_told_to_reconnect_and_recovers_at_the_second(
    second: GatheringServer, ada: Visitor, ben: Visitor, cleo: Visitor
) -> None:
    room = await ada.open_room(ben)
    bens = Follower(room)
    async with ben.connect() as wire:
        await bens.attach(wire)
        await ada.post(room, "at the first")
        await until(lambda: bens.texts == ["at the first"])

        await cleo.join(room)
        posted = await cleo.post(room, "at the second")
        told = await wire.ended(limit=30)
    async with ben.connect(at=second) as wire, cleo.connect() as hers:
        await bens.attach(wire)
        await hers.post(room, "live")
        await until(lambda: bens.texts[-1] == "live")

    assert posted.status == 201
    assert told == 3011
    bens.check()
    assert bens.texts == ["at the first", "at the second", "live"] == await ben.texts(room, at=second)


async def test_the_first_server_refuses_what_it_may_no_longer_write(ada: Visitor, ben: Visitor, cleo: Visitor) -> None:
    room = await ada.open_room(ben)
    async with ada.connect() as listening, ben.connect() as posting:
        await Follower(room).attach(listening)
        await posting.post(room, "first")
        await cleo.join(room)

        with pytest.raises(Refusal) as realtime:
            await posting.post(room, "refused")
        rest = await ada.post(room, "refused")
        told = await listening.ended(limit=30)

        assert (realtime.value.code, realtime.value.message, realtime.value.temporary) == (504, "overloaded", True)
        assert (rest.status, rest.code) == (503, "overloaded")
        assert int(rest.headers["Retry-After"]) >= 1
        assert told == 3011
        assert posting.closed is None
        assert await cleo.texts(room) == ["first"]


async def test_what_a_killed_server_acknowledged_is_at_the_second_and_the_rest_may_be_repeated_there(
    first: GatheringServer, second: GatheringServer, ada: Visitor, ben: Visitor
) -> None:
    posts = [f"post {number}" for number in range(400)]
    room = await ada.open_room(ben)
    bens, acknowledged = Follower(room), dict[str, int]()
    few_are_left_out = anyio.Semaphore(len(posts) - 40)

    async def post(text: str) -> None:
        async with few_are_left_out:
            try:
                acknowledged[text] = (await hers.post(room, text, text))["offset"]
            except Gone:
                return
            if len(acknowledged) == 20:
                first.kill()

    async with ben.connect() as his, ada.connect() as hers:
        await bens.attach(his)
        async with anyio.create_task_group() as posting:
            for text in posts:
                posting.start_soon(post, text)
        await his.ended()
    lost = [text for text in posts if text not in acknowledged]
    async with ben.connect(at=second) as his, ada.connect(at=second) as hers:
        await bens.attach(his)
        repeated = {text: (await hers.post(room, text, text))["offset"] for text in lost}
        await until(lambda: bens.texts[-1:] == [lost[-1]] or len(bens.texts) == len(posts))

    assert lost
    bens.check()
    assert sorted(bens.texts) == sorted(posts)
    events = await ada.log(room, at=second)
    stored = {event["message"]["text"]: event["offset"] for event in events if event["type"] == "message.posted"}
    assert stored == {**acknowledged, **repeated}


async def test_two_servers_that_wrest_a_room_from_each_other_make_no_gap_and_no_duplicate(
    database_url: str, session: aiohttp.ClientSession
) -> None:
    each = 100
    followers: list[Follower] = []
    done = anyio.Event()

    async def follow(visitor: Visitor, room: str) -> None:
        followers.append(follower := Follower(room))
        while not done.is_set():
            async with visitor.connect() as wire:
                try:
                    await follower.attach(wire)
                except (Refusal, Gone):
                    await anyio.sleep(HASTE)  # the other server has it just now
                    continue
                await until(lambda wire=wire: wire.closed is not None or wire.unsubscribed or done.is_set(), limit=60)  # type: ignore[misc]

    async def write(visitor: Visitor, room: str, name: str) -> None:
        for number in range(each):
            text = f"{name} {number}"
            answer = await insist(partial(visitor.post, room, text, text))
            assert answer.status in {200, 201}, answer.body

    with (
        GatheringServer(database_url, takeover_rest=0.2, **UNLIMITED) as one,
        GatheringServer(database_url, takeover_rest=0.2, **UNLIMITED) as other,
    ):
        ada, ben = await Visitor.register(session, one, "ada"), await Visitor.register(session, one, "ben")
        cleo, dora = await Visitor.register(session, other, "cleo"), await Visitor.register(session, other, "dora")
        room = await ada.open_room(ben)
        for visitor in (cleo, dora):
            await insist(partial(visitor.call, "POST", f"/rooms/{room}/join"))
        async with anyio.create_task_group() as following:
            following.start_soon(follow, ben, room)
            following.start_soon(follow, dora, room)
            await until(lambda: len(followers) == 2 and all(follower.began for follower in followers))
            with anyio.fail_after(60):
                async with anyio.create_task_group() as writing:
                    for visitor, name in ((ada, "a"), (ada, "b"), (cleo, "c"), (cleo, "d")):
                        writing.start_soon(write, visitor, room, name)
            await until(lambda: all(len(follower.texts) == 4 * each for follower in followers))
            done.set()

        takeovers = one.log.count("timeline.moved"), other.log.count("timeline.moved")
        # Hers may have lost the room without knowing it: it would answer a page, hear of it, and refuse the next.
        await insist(partial(cleo.post, room, "hers for good"))
        *texts, last = await cleo.texts(room)
    assert last == "hers for good"
    assert min(takeovers) >= 2
    assert sorted(texts) == sorted(f"{name} {number}" for name in "abcd" for number in range(each))
    for follower in followers:
        follower.check()
        assert follower.texts == texts
