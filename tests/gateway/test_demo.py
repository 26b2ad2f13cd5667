from collections.abc import AsyncIterator

import anyio
import pytest

from engine.domain.messages import Draft, Message
from engine.engine import Engine
from engine.settings import Settings
from engine.storage.memory import MemoryStorage
from engine.timelines.commands import Post
from gateway.demo import PASSWORD, for_show, furnish, welcome

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    settings = Settings(secret_key="a key for tests only", argon2_time_cost=1, argon2_memory_kib=8)
    async with MemoryStorage() as storage, Engine.open(settings, storage=storage) as engine:
        yield engine


async def said(engine: Engine) -> dict[str, list[Message]]:
    rooms = await engine.storage.rooms.search(None, limit=100)
    return {room.name: await engine.storage.messages.page(room.id, limit=100) for room in rooms}


async def test_the_demo_has_rooms_in_several_languages_with_something_said_in_each(engine: Engine):
    await furnish(engine)

    rooms = await engine.storage.rooms.search(None, limit=100)
    assert len({room.language for room in rooms}) >= 3
    assert all(len(messages) >= 2 for messages in (await said(engine)).values())


async def test_everyone_in_the_demo_can_sign_in_and_ada_is_the_administrator(engine: Engine):
    await furnish(engine)

    roles = {
        name: (await engine.accounts.login(name, PASSWORD)).user.principal.admin for name in ("ada", "grace", "linus")
    }

    assert roles == {"ada": True, "grace": False, "linus": False}


async def test_furnishing_again_adds_nothing(engine: Engine):
    await furnish(engine)
    before = await said(engine)

    await furnish(engine)

    assert await said(engine) == before


async def test_someone_elses_account_of_the_same_name_says_nothing_and_keeps_its_role(engine: Engine):
    other = await engine.accounts.create("ada", "ada@elsewhere.example", "another password")

    await furnish(engine)

    assert await engine.accounts.user(other.id) == other
    assert {message.author.id for messages in (await said(engine)).values() for message in messages}.isdisjoint(
        {other.id}
    )


def test_the_welcome_says_where_to_go_and_how_to_sign_in():
    lines = "\n".join(welcome("http://127.0.0.1:8080"))

    assert "http://127.0.0.1:8080" in lines
    assert "ada" in lines
    assert PASSWORD in lines


async def test_the_archivist_is_in_every_demo_room_and_answers(engine: Engine):
    await furnish(engine)
    await furnish(engine)
    (werkstatt,) = await engine.storage.rooms.search(None, query="Werkstatt", limit=1)
    konrad = (await engine.accounts.find("konrad")).principal

    draft = Draft(text="@archivist was hat Konrad über die Z1 gesagt?", language="de")
    await engine.timelines.room(werkstatt.id).ask(Post(konrad, draft))

    with anyio.fail_after(30):
        while (newest := (await said(engine))["Werkstatt"][0]).author.name != "Archivist":  # noqa: ASYNC110
            await anyio.sleep(0.01)
    assert "Die Z1 klemmt wieder einmal" in newest.text
    rooms = await engine.storage.rooms.search(None, limit=100)
    members = [await engine.storage.rooms.members(room.id) for room in rooms]
    assert all("Archivist" in [each.participant.name for each in those] for those in members)


@pytest.mark.parametrize(
    ("given", "shown"),
    [({}, "pseudo"), ({"translation_provider": "none"}, "none"), ({"deepl_auth_key": "key"}, "auto")],
)
def test_a_demo_has_pseudo_translation_unless_something_else_is_configured(given: dict[str, str], shown: str):
    assert for_show(Settings(**given)).translation_provider == shown  # type: ignore[arg-type]
