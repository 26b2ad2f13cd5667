"""PostgreSQL restarted, stopped, frozen, locked: bounded answers, nothing half-applied, service resumes by itself."""

from collections.abc import AsyncIterator, Iterator

import anyio
import asyncpg
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.people import Participant
from engine.errors import StorageUnavailable
from engine.storage.repositories import Append
from engine.storage.sql import SchemaOutdated, SqlStorage, migrate
from tests.storage.made import a_message, add_user, append, claim, open_room, posted
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.anyio

LIMIT = 2.0
BOUND = 2.0 * LIMIT  # seconds until an answer, whatever the server does; this machine may be busy


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that these tests may ill-treat."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def url(server: PostgresServer) -> AsyncIterator[str]:
    server.drop_database("fresh")
    url = server.create_database("fresh")
    await migrate(url)
    yield url
    server.resume()


@pytest.fixture
async def storage(url: str) -> AsyncIterator[SqlStorage]:
    async with SqlStorage(url, time_limit=LIMIT) as storage:
        yield storage


@pytest.fixture
async def patient(url: str) -> AsyncIterator[SqlStorage]:
    """For tests that are not about the limit."""
    async with SqlStorage(url, time_limit=20.0) as storage:
        yield storage


@pytest.fixture
async def ada(storage: SqlStorage) -> Participant:
    return (await add_user(storage, "Ada")).participant


async def fill_pools(storage: SqlStorage) -> None:
    """Open every connection that the storage may have."""
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(storage.ping)
            group.start_soon(storage.log.claim, [])


async def test_the_first_operation_after_a_restart_works(server: PostgresServer, patient: SqlStorage) -> None:
    ada = (await add_user(patient, "Ada")).participant
    room = await open_room(patient, ada)
    claimed = await claim(patient, room)
    await fill_pools(patient)

    for offset, immediate in ((2, True), (3, False)):
        server.stop(immediate=immediate)
        server.start()

        await append(patient, claimed, posted(a_message(room, offset, ada)))
        assert len(await patient.log.events(room.id, after=0, limit=9)) == offset


async def test_while_the_server_is_away_operations_fail_at_once_and_then_resume(
    server: PostgresServer, storage: SqlStorage, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    entry = Append(room.id, claimed.term, (posted(a_message(room, 2, ada)),))

    server.stop()
    with anyio.fail_after(BOUND):
        for operation in (
            storage.ping,
            lambda: storage.log.append([entry]),
            lambda: storage.messages.page(room.id, limit=1),
        ):
            with pytest.raises(StorageUnavailable):
                await operation()
    server.start()

    assert await storage.log.append([entry]) == [None]


async def test_a_frozen_server_is_given_up_within_the_limit(
    server: PostgresServer, storage: SqlStorage, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    await fill_pools(storage)
    refused = 0

    async def append_in_vain(offset: int) -> None:
        nonlocal refused
        with pytest.raises(StorageUnavailable):
            await storage.log.append([Append(room.id, claimed.term, (posted(a_message(room, offset, ada)),))])
        refused += 1

    server.freeze()
    with anyio.fail_after(BOUND):
        async with anyio.create_task_group() as group:
            for offset in range(2, 14):  # more than the pool holds: some wait for a connection, some for the server
                group.start_soon(append_in_vain, offset)
    with anyio.fail_after(BOUND), pytest.raises(StorageUnavailable):
        await storage.ping()  # now with fresh connections, which hang as well
    server.resume()

    assert refused == 12
    claimed = await claim(storage, room)
    assert claimed.head == 1
    await append(storage, claimed, posted(a_message(room, 2, ada)))
    await fill_pools(storage)


async def test_closing_a_storage_on_a_frozen_server_is_bounded(server: PostgresServer, url: str) -> None:
    storage = SqlStorage(url, time_limit=LIMIT)
    async with storage:
        await fill_pools(storage)
        server.freeze()
        with anyio.fail_after(BOUND):
            await storage.__aexit__(None, None, None)
        server.resume()


async def test_what_timed_out_behind_a_lock_is_never_written_later(
    url: str, storage: SqlStorage, ada: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    other = await asyncpg.connect(url.replace("+asyncpg", ""))
    blocking = other.transaction()
    await blocking.start()
    await other.execute("SELECT 1 FROM timelines WHERE id = $1 FOR UPDATE", room.id)

    with anyio.fail_after(BOUND), pytest.raises(StorageUnavailable):
        await storage.log.append([Append(room.id, claimed.term, (posted(a_message(room, 2, ada)),))])
    await blocking.rollback()
    await other.execute("SELECT 1 FROM timelines WHERE id = $1 FOR UPDATE", room.id)  # after whoever waited before us
    await other.close()

    assert (await claim(storage, room)).head == 1


async def test_the_server_ends_what_a_frozen_client_left_behind(storage: SqlStorage) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    settings = select(*[func.current_setting(name) for name in names])

    row = await storage._database.row(settings)

    assert tuple(row or ()) == ("2s", "2s", "4s")


async def test_a_deadlock_is_run_again(storage: SqlStorage) -> None:
    """Our own transactions lock in one order; a deadlock with somebody else's costs a repetition, not a failure."""
    runs = 0

    async def die_once(connection: AsyncConnection) -> int:
        nonlocal runs
        runs += 1
        if runs == 1:
            await connection.exec_driver_sql("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")
        return runs

    assert await storage._database.write(die_once) == 2


async def test_a_database_that_was_never_migrated_is_refused(server: PostgresServer) -> None:
    server.drop_database("bare")
    storage = SqlStorage(server.create_database("bare"))

    with pytest.raises(SchemaOutdated, match="none"):
        await storage.__aenter__()
