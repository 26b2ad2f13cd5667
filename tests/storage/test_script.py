"""SQLite: a batch written in one visit to the connection's thread is what it would be statement by statement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from engine.domain.conversations import Conversation, pair_key
from engine.domain.events import (
    MemberBanned,
    MemberLeft,
    MemberMuted,
    MemberRoleChanged,
    MemberUnbanned,
    MessageTranslated,
    ReactionAdded,
    ReactionRemoved,
    RoomArchived,
    RoomUpdated,
)
from engine.domain.fields import ConversationKind, Role, TimelineId
from engine.domain.people import User
from engine.domain.rooms import Ban, Room
from engine.errors import Overtaken
from engine.storage.repositories import Append
from engine.storage.sql import SqlStorage, migrate
from engine.storage.sql.script import Script
from engine.storage.sql.sqlite import SqliteConnection
from engine.storage.sql.tables import metadata
from tests.storage.made import (
    NOON,
    a_message,
    a_room,
    a_user,
    add_user,
    at,
    claim,
    deleted,
    edited,
    joined,
    new_id,
    open_room,
    posted,
)
from tests.storage.test_sqlite_failures import locked

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def fill(storage: SqlStorage, people: list[User], rooms: list[Room], talk: Conversation) -> None:
    """People, two rooms and a private conversation between the first two."""
    for user in people:
        assert await storage.users.add(user, "hash", "epoch") is None
    ada, bob, _ = (user.participant for user in people)
    for room in rooms:
        await storage.rooms.create(room, "epoch", [joined(1, ada, Role.OWNER)])
    key = pair_key(ada.id, bob.id, None)
    assert await storage.conversations.create(talk, key, "epoch", [joined(1, ada), joined(2, bob)]) is None


def batches(people: list[User], rooms: list[Room], talk: Conversation) -> list[list[Append]]:
    """Everything that timelines append, in batches of several timelines; each of them has been claimed once."""
    ada, bob, cleo = (user.participant for user in people)
    lounge, attic = rooms
    here = replace(lounge, id=talk.id)
    question = a_message(
        lounge, 3, ada, "@bob, @room: où est le fichier ?", "key", mentions=[bob.id], mentions_all=True
    )
    answer = a_message(lounge, 4, bob, "here\nit is 🎉", reply_to=question.id)
    moderator = MemberRoleChanged(offset=5, at=at(5), actor=ada.id, participant_id=bob.id, role=Role.MODERATOR)
    ban = Ban(participant=cleo, until=at(900), reason="noise", by=ada.id, at=at(7))
    told = MessageTranslated(
        offset=8, at=at(8), actor=ada.id, message_id=question.id, language="en", text="hi", provider="p", source="fr"
    )
    return [
        [
            Append(lounge.id, 1, (joined(2, bob), posted(question))),
            Append(attic.id, 1, (posted(a_message(attic, 2, ada, "up here")), posted(a_message(attic, 3, ada, "?")))),
            Append(
                talk.id, 1, (posted(a_message(here, 3, bob, "psst")), posted(a_message(here, 4, bob, "you there?")))
            ),
        ],
        [
            Append(lounge.id, 1, (posted(answer), moderator)),
            Append(attic.id, 1, ()),
            Append(talk.id, 1, (posted(a_message(here, 5, ada, "yes")),)),
        ],
        [
            Append(
                lounge.id,
                1,
                (
                    joined(6, cleo),
                    MemberBanned(offset=7, at=at(7), actor=ada.id, ban=ban),
                    told,
                    ReactionAdded(offset=9, at=at(9), actor=bob.id, message_id=question.id, emoji="👍"),
                    ReactionAdded(offset=10, at=at(10), actor=ada.id, message_id=question.id, emoji="👍"),
                    ReactionRemoved(offset=11, at=at(11), actor=bob.id, message_id=question.id, emoji="👍"),
                ),
                (),
                {8: "print"},
            )
        ],
        [
            Append(
                lounge.id,
                1,
                (
                    edited(12, replace(question, text="@bob?", mentions_all=False, edited_at=at(12))),
                    deleted(13, replace(answer, text="", deleted_at=at(13))),
                ),
            ),
            Append(
                attic.id,
                1,
                (
                    MemberUnbanned(offset=4, at=at(14), actor=ada.id, participant_id=cleo.id),
                    MemberMuted(offset=5, at=at(15), actor=ada.id, participant_id=ada.id, until=at(99)),
                    RoomUpdated(offset=6, at=at(16), actor=ada.id, room=replace(attic, name="Loft")),
                    RoomArchived(offset=7, at=at(17), actor=ada.id),
                ),
            ),
        ],
        [Append(lounge.id, 1, (MemberLeft(offset=14, at=at(18), actor=bob.id, participant_id=bob.id),))],
    ]


async def rows_of(storage: SqlStorage) -> dict[str, list[tuple[Any, ...]]]:
    """Whatever stands in the database."""
    found = {}
    for table in metadata.sorted_tables:
        rows = await storage._database.rows(select(table))
        found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    return found


async def test_one_visit_writes_what_single_statements_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people, rooms = [a_user(name) for name in ("ada", "bob", "cleo")], [a_room("Lounge"), a_room("Attic")]
    talk = Conversation(
        id=TimelineId(new_id()), kind=ConversationKind.PRIVATE, created_by=people[0].id, created_at=NOON
    )
    written, scripted = batches(people, rooms, talk), Script.run
    committed = {"one visit": 0, "statements": 0}
    found = {}

    async def counted(script: Script, *arguments: Any) -> bool:
        done = await scripted(script, *arguments)
        committed["one visit"] += done
        return done

    async def never(_: Script, *__: Any) -> bool:
        committed["statements"] += 1
        return False

    for way, run in ("one visit", counted), ("statements", never):
        monkeypatch.setattr(Script, "run", run)
        url = f"sqlite:///{tmp_path}/{way}.db"
        await migrate(url)
        async with SqlStorage(url, time_limit=20.0) as storage:
            await fill(storage, people, rooms, talk)
            await storage.log.claim([room.id for room in rooms] + [talk.id])
            for batch in written:
                assert await storage.log.append(batch) == [None] * len(batch)
            found[way] = await rows_of(storage)

    assert committed == {"one visit": 4, "statements": 4}  # one batch has a deletion, which reads before it writes
    assert {name for name, rows in found["statements"].items() if rows} >= {"mentions", "reactions", "notifications"}
    assert found["one visit"] == found["statements"]


async def test_a_batch_of_posts_is_one_visit(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        ada = (await add_user(storage, "Ada")).participant
        rooms = [await open_room(storage, ada) for _ in range(3)]
        for room in rooms:
            await claim(storage, room)
        visits = 0
        execute = SqliteConnection._execute

        async def counted(connection: SqliteConnection, *arguments: Any) -> Any:
            nonlocal visits
            visits += 1
            return await execute(connection, *arguments)  # type: ignore[no-untyped-call]

        monkeypatch.setattr(SqliteConnection, "_execute", counted)
        await storage.log.append([Append(room.id, 1, (posted(a_message(room, 2, ada)),)) for room in rooms])

    assert visits == 1


async def test_a_batch_that_is_overtaken_in_its_midst_is_rolled_back(sqlite_url: str) -> None:
    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        ada = (await add_user(storage, "Ada")).participant
        room = await open_room(storage, ada)
        claimed = await claim(storage, room)
        entry = Append(room.id, claimed.term, (posted(a_message(room, 2, ada)),))
        asked, times = 0, 0

        def overtaken() -> bool:
            nonlocal asked
            asked += 1
            return asked == times

        while True:
            asked, times = 0, times + 1
            if (await _try_to_append(storage, entry, overtaken)) is None:
                break
            assert await storage.log.events(room.id, after=1, limit=9) == []

        assert times > 3  # before the transaction, before each of its statements, and before the commit
        assert await storage.log.events(room.id, after=1, limit=9) == list(entry.events)


async def _try_to_append(storage: SqlStorage, entry: Append, overtaken: Callable[[], bool]) -> Overtaken | None:
    try:
        assert await storage.log.append([entry], overtaken=overtaken) == [None]
    except Overtaken as error:
        return error
    return None


async def test_what_was_given_up_while_it_waited_is_not_written_later(sqlite_url: str) -> None:
    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        ada = (await add_user(storage, "Ada")).participant
        room = await open_room(storage, ada)
        claimed = await claim(storage, room)

        with locked(sqlite_url), anyio.move_on_after(0.05) as patience:
            await storage.log.append([Append(room.id, claimed.term, (posted(a_message(room, 2, ada)),))])

    async with SqlStorage(sqlite_url, time_limit=20.0) as storage:
        assert patience.cancelled_caught
        assert (await claim(storage, room)).head == 1
