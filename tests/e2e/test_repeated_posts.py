"""The same client_id from everywhere at once."""

from contextlib import AsyncExitStack

import aiohttp
import anyio
import pytest

from tests.support.server import GatheringServer
from tests.support.visitors import Follower, Visitor, until

pytestmark = pytest.mark.anyio

TIMES = 50
CONNECTIONS = 5


async def test_one_client_id_posted_fifty_times_at_once_over_both_doors_is_one_message(
    database_url: str, session: aiohttp.ClientSession
) -> None:
    statuses: list[int] = []
    answers: list[object] = []
    with GatheringServer(database_url, commands_per_second=100_000, commands_burst=100_000) as server:
        ada, ben = [await Visitor.register(session, server, name) for name in ("ada", "ben")]
        room = await ada.open_room(ben)
        bens = Follower(room)

        async def over_rest() -> None:
            answer = await ada.post(room, "once", "c-1")
            statuses.append(answer.status)
            answers.append(answer.body)

        async with AsyncExitStack() as stack:
            await bens.attach(await stack.enter_async_context(ben.connect()))
            wires = [await stack.enter_async_context(ada.connect()) for _ in range(CONNECTIONS)]

            async def over_realtime(number: int) -> None:
                answers.append(await wires[number % CONNECTIONS].post(room, "once", "c-1"))

            async with anyio.create_task_group() as posting:
                for number in range(TIMES // 2):
                    posting.start_soon(over_rest)
                    posting.start_soon(over_realtime, number)
            again = await ada.post(room, "something else", "c-1")
            after = await ada.post(room, "after")
            await until(lambda: bens.texts[-1:] == ["after"])

        assert await ada.texts(room) == ["once", "after"] == bens.texts

    assert len(answers) == TIMES
    assert all(answer == answers[0] for answer in answers)
    assert set(statuses) <= {200, 201}
    assert statuses.count(201) <= 1  # none when a connection was first
    assert (again.status, again.body, after.status) == (200, answers[0], 201)
