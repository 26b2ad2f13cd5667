"""A deleted message leaves no word of itself in any table."""

from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from engine.domain.people import Participant
from engine.search.query import parse
from engine.storage.sql import SqlStorage
from engine.storage.sql.tables import metadata
from tests.storage.made import a_message, append, at, claim, deleted, edited, joined, open_room, posted

pytestmark = pytest.mark.anyio

SECRET = "Zanzibar"


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_no_table_has_a_word_of_a_deleted_message(
    storage: SqlStorage, ada: Participant, bob: Participant
) -> None:
    room = await open_room(storage, ada)
    claimed = await claim(storage, room)
    message = a_message(room, 3, ada, f"to {SECRET}", mentions=[bob.id], language="en")
    changed = replace(message, text=f"back from {SECRET}", edited_at=at(4))
    gone = replace(changed, text="", mentions=[], deleted_at=at(5))
    await append(storage, claimed, joined(2, bob), posted(message), edited(4, changed))
    before = await _tables_that_say(storage, SECRET)

    await append(storage, claimed, deleted(5, gone))

    assert before == {"events", "messages"}
    assert await _tables_that_say(storage, SECRET) == set()
    assert await storage.search.in_timeline(room.id, parse(SECRET), limit=9) == []


async def _tables_that_say(storage: SqlStorage, word: str) -> set[str]:
    said: dict[str, Any] = {}
    for table in metadata.tables:
        said[table] = [tuple(row) for row in await storage._database.rows(text(f'SELECT * FROM "{table}"'))]  # noqa: S608
    return {table for table, rows in said.items() if word.casefold() in repr(rows).casefold()}
