"""What SQLite reads for what is asked every day: it finds rows by an index, however many there are."""

import gc
import re
import sqlite3
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from engine.domain.events import ReactionAdded
from engine.domain.fields import TimelineId
from engine.domain.people import Participant
from engine.storage.repositories import Mark
from engine.storage.sql import SqlStorage, engine, sqlite
from engine.storage.sql.tables import events
from engine.storage.sql.types import among, among_given, pairs_given
from tests.storage.made import a_message, append, at, claim, deleted, edited, joined, open_room, posted

pytestmark = pytest.mark.anyio

GROWING = (
    *("events", "messages", "reactions", "mentions", "members", "timelines", "participants"),
    *("notifications", "users", "message_counts", "bans", "translations"),
)
"""Tables that grow for as long as people talk."""


@pytest.fixture
def kind() -> str:
    return "sqlite"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that SQLite is given, with their values in them."""
    given: list[str] = []

    class Traced(sqlite.RollingBack):
        def __init__(self, *how: Any, **options: Any) -> None:
            super().__init__(*how, **options)
            self.set_trace_callback(given.append)

    monkeypatch.setattr(engine, "RollingBack", Traced)
    return given


@pytest.fixture
def collected_by_hand() -> Iterator[None]:
    """The garbage collector does nothing by itself."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("collected_by_hand")
async def test_a_statement_is_not_left_to_the_garbage_collector(storage: SqlStorage) -> None:
    texts = (events.c.timeline_id, events.c.message_id)
    gc.collect()

    select(events).where(among(texts[0], ["a", "b"]), among_given(texts[1], "keys"), pairs_given(*texts, "pairs"))
    await storage.log.terms([TimelineId("a"), TimelineId("b")])

    assert gc.collect() == 0


async def test_nothing_that_people_do_all_day_reads_a_whole_table(
    statements: list[str], storage: SqlStorage, sqlite_url: str, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    first = a_message(room, 3, ada, client_id="c", mentions=[bob.id])
    answer = a_message(room, 4, bob, reply_to=first.id)
    gone = replace(first, text="", mentions=[], deleted_at=at(99))
    reaction = ReactionAdded(offset=6, at=at(6), actor=bob.id, message_id=first.id, emoji="x")
    statements.clear()

    await append(storage, claimed, joined(2, bob), posted(first), posted(answer))
    await append(storage, claimed, edited(5, replace(first, text="better")), reaction, deleted(7, gone))
    await _all(
        storage.log.events(room.id, after=3, limit=100),
        storage.log.terms([room.id]),
        storage.messages.page(room.id, before=5, limit=50),
        storage.messages.get(room.id, first.id),
        storage.messages.by_client_ids(room.id, [(ada.id, "c")]),
        storage.messages.thread(room.id, first.id, limit=50),
        storage.messages.versions(room.id, answer.id),
        storage.markers.mark([Mark(room.id, bob.id, 4)], at=at(8)),
        storage.markers.of({room.id: [bob.id]}),
        storage.markers.unread(bob.id, limit=50),
        storage.markers.unread_in(room.id, [ada.id, bob.id]),
        storage.notifications.page(bob.id, limit=50),
        storage.notifications.unread(bob.id),
        storage.rooms.members(room.id),
        storage.rooms.bans(room.id),
        storage.conversations.of(bob.id, limit=50),
        storage.conversations.participants([room.id]),
        storage.users.get_many([ada.id, bob.id]),
        storage.users.by_login("ada"),
        storage.translations.known([("fingerprint", "de")]),
        storage.translations.of(room.id, [first.id]),
        storage.translations.languages(room.id),
    )

    whole = {table: statement for statement, table in _scans(sqlite_url, statements) if table in GROWING}
    assert whole == {}
    assert len(statements) > 30


async def _all(*operations: Awaitable[object]) -> None:
    for operation in operations:
        await operation


def _scans(url: str, statements: list[str]) -> list[tuple[str, str]]:
    """Each statement that reads a whole table (or a whole index of it), with the table."""
    database = sqlite3.connect(url.removeprefix("sqlite+aiosqlite:///"))
    found = []
    for statement in statements:
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement):
            for *_, detail in database.execute(f"EXPLAIN QUERY PLAN {statement}"):
                if scanned := re.match(r"SCAN (\w+)", detail):
                    found.append((statement, scanned[1]))
    database.close()
    return found
