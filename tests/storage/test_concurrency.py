"""Two storages on one database, as two processes would have them."""

import anyio
import pytest
from msgspec.structs import replace

from engine.domain.people import Participant
from engine.storage.repositories import Append, Claimed, Storage
from tests.storage.conftest import Connect
from tests.storage.made import a_message, a_token, a_user, add_user, at, claim, open_room, posted

pytestmark = pytest.mark.anyio


async def test_a_stale_term_never_writes_after_a_claim(storage: Storage, connect: Connect, ada: Participant) -> None:
    """Whoever holds the newest term sees a head that is final: offsets stay gapless whatever the interleaving."""
    room = await open_room(storage, ada)
    written: list[int] = []

    async def own(mine: Storage, takeovers: int) -> None:
        for _ in range(takeovers):
            claimed = await claim(mine, room)
            offset = claimed.head
            for _ in range(4):
                offset += 1
                entry = Append(room.id, claimed.term, (posted(a_message(room, offset, ada)),))
                [failure] = await mine.log.append([entry])
                if failure is not None:
                    assert failure.reason == "fenced"
                    break
                written.append(offset)

    async with connect() as other, anyio.create_task_group() as group:
        group.start_soon(own, storage, 12)
        group.start_soon(own, other, 12)

    offsets = [event.offset for event in await storage.log.events(room.id, after=1, limit=1000)]
    assert offsets == list(range(2, len(offsets) + 2))
    assert sorted(written) == offsets


async def test_crossing_batches_and_claims_do_not_block_each_other_for_good(
    storage: Storage, connect: Connect, ada: Participant
) -> None:
    rooms = [await open_room(storage, ada) for _ in range(6)]
    ids = [room.id for room in rooms]

    async def append_some(mine: Storage, claims: list[Claimed]) -> None:
        for step in range(1, 6):
            await mine.log.append(
                [Append(one.timeline_id, one.term, (posted(a_message(room, one.head + step, ada)),))
                 for one, room in zip(claims, rooms, strict=True)][:: 1 if step % 2 else -1]
            )  # fmt: skip

    async def claim_some(mine: Storage) -> None:
        for step in range(5):
            assert None not in await mine.log.claim(ids[:: 1 if step % 2 else -1])

    claims = [one for one in await storage.log.claim(ids) if one]
    async with connect() as other, anyio.create_task_group() as group:
        group.start_soon(append_some, storage, claims)
        group.start_soon(claim_some, other)
        group.start_soon(claim_some, storage)

    assert [one and one.term for one in await storage.log.claim(ids)] == [12] * 6


async def test_of_concurrent_rotations_exactly_one_wins(storage: Storage, connect: Connect) -> None:
    user = await add_user(storage, "Ada")
    token = a_token(user)
    await storage.tokens.add(token, at=at(0))
    successors = [a_token(user, token.family_id) for _ in range(8)]
    won: list[bytes] = []

    async def rotate(mine: Storage, number: int) -> None:
        if await mine.tokens.rotate(token.digest, successors[number], at=at(number)):
            won.append(successors[number].digest)

    async with connect() as other, anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(rotate, (storage, other)[number % 2], number)

    stored = [one.digest for one in successors if await storage.tokens.get(one.digest)]
    assert len(won) == 1
    assert stored == won


async def test_of_concurrent_registrations_of_one_name_exactly_one_wins(storage: Storage, connect: Connect) -> None:
    answers: list[str | None] = []

    async def register(mine: Storage, number: int) -> None:
        answers.append(await mine.users.add(a_user("Ada", email=f"ada{number}@example.org"), "hash", "epoch"))

    async with connect() as other, anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(register, (storage, other)[number % 2], number)

    assert sorted(answers, key=str) == [None, *["username"] * 5]


async def test_the_same_client_id_in_two_processes_is_written_once(
    storage: Storage, connect: Connect, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(room, 2, ada, client_id="key")
    reasons: list[str | None] = []

    async def post(mine: Storage, offset: int) -> None:
        event = posted(replace(a_message(room, offset, ada, client_id="key"), text=str(offset)))
        [failure] = await mine.log.append([Append(room.id, claimed.term, (event,))])
        reasons.append(failure.reason if failure else None)

    async with connect() as other, anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(post, (storage, other)[number % 2], message.offset + number)

    assert sorted(reasons, key=str) == [None, *["conflict"] * 5]


async def test_cancelled_operations_leave_the_storage_usable_and_whole(storage: Storage, ada: Participant) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    tries = 30

    async def post_and_change_ones_mind(offset: int, patience: float) -> None:
        with anyio.move_on_after(patience):
            batch = [posted(a_message(room, offset * 100 + number, ada)) for number in range(20)]
            await storage.log.append([Append(room.id, claimed.term, tuple(batch))])

    async with anyio.create_task_group() as group:
        for number in range(1, tries + 1):
            group.start_soon(post_and_change_ones_mind, number, 0.002 * number)

    offsets = [event.offset for event in await storage.log.events(room.id, after=1, limit=1000)]
    parts = {offset // 100 for offset in offsets}
    assert offsets == [part * 100 + number for part in sorted(parts) for number in range(20)]
    for number in range(10):  # more than any pool holds
        await storage.log.append([Append(room.id, claimed.term, (posted(a_message(room, 9000 + number, ada)),))])
