"""The weekly quota over both doors, and through a power cut."""

from collections.abc import Awaitable, Callable

import aiohttp
import anyio
import pytest

from tests.support.server import GatheringServer
from tests.support.visitors import Gone, Refusal, Visitor

pytestmark = pytest.mark.anyio

Post = Callable[[str, str], Awaitable[None]]

LIMIT = 30
ROOMS = 6


async def test_the_quota_holds_over_both_doors_many_rooms_and_a_kill(  # noqa: C901 - two doors, told from beginning to end
    database_url: str, session: aiohttp.ClientSession
) -> None:
    posted: set[str] = set()
    refused: list[str] = []
    power_cuts: list[int] = []
    unlimited = {"commands_per_second": 100_000, "commands_burst": 100_000}
    with GatheringServer(database_url, weekly_messages=LIMIT, **unlimited) as server:
        ada = await Visitor.register(session, server, "ada")
        rooms = [await ada.open_room() for _ in range(ROOMS)]

        def acknowledged(message_id: str) -> None:
            posted.add(message_id)
            if len(posted) >= ROOMS and not power_cuts:
                power_cuts.append(server.pid)
                server.kill()

        async def over_rest(room: str, client_id: str) -> None:
            try:
                answer = await ada.post(room, "hi", client_id)
            except (aiohttp.ClientError, OSError):
                return
            if answer.status in {200, 201}:
                acknowledged(answer.body["id"])
            else:
                refused.append(answer.body["code"])

        async def burst(first: int) -> None:
            async with ada.connect() as wire, anyio.create_task_group() as posting:

                async def over_realtime(room: str, client_id: str) -> None:
                    try:
                        acknowledged((await wire.post(room, "hi", client_id))["id"])
                    except Refusal as refusal:
                        refused.append(str(refusal.code))
                    except Gone:
                        return

                async def one_after_the_other(post: Post, room: str, door: str) -> None:
                    for number in range(first, first + 5):
                        await post(room, f"{door}-{number}")

                for room in rooms:
                    posting.start_soon(one_after_the_other, over_rest, room, "rest")
                    posting.start_soon(one_after_the_other, over_realtime, room, "wire")

        await burst(0)
        assert power_cuts
        assert len(posted) < LIMIT
        server.start()
        await burst(0)
        await burst(5)
        quota = await ada.call("GET", "/me/quota")
        found = [event for room in rooms for event in await ada.log(room) if event["type"] == "message.posted"]

    assert {event["message"]["id"] for event in found} == posted
    assert len(found) == LIMIT
    assert (quota.body["limit"], quota.body["used"]) == (LIMIT, LIMIT)
    assert set(refused) <= {"quota_exceeded", "430"}
