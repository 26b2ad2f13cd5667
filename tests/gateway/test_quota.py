"""The weekly quota over HTTP: what people see of it, and what administrators do about it."""

import pytest

from engine.settings import Settings
from tests.support.rest import Answer, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"weekly_messages": 2})


async def test_people_see_their_quota_and_are_refused_beyond_it(ada: Person):
    room = await ada.room()
    before = (await ada.get("/me/quota")).body
    await ada.say(room, "1", client_id="c-1")
    await ada.say(room, "2")

    refused = await ada.post(f"/rooms/{room}/messages", {"text": "3"})
    repeated = await ada.post(f"/rooms/{room}/messages", {"text": "1", "client_id": "c-1"})

    assert (before["limit"], before["used"]) == (2, 0)
    assert before["resets_at"].endswith("T00:00:00Z")
    assert (refused.status, refused.code) == (429, "quota_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 7 * 86_400
    assert repeated.status == 200
    assert (await ada.get("/me/quota")).body == before | {"used": 2}


async def test_an_administrator_gives_people_a_quota_of_their_own_and_takes_it_back(root: Person, ada: Person):
    room = await ada.room()

    raised = await root.patch(f"/admin/users/{ada.id}", {"weekly_messages": 3})
    for text in "123":
        await ada.say(room, text)
    lowered = await root.patch(f"/admin/users/{ada.id}", {"weekly_messages": None})

    assert raised.body["weekly_messages"] == 3
    assert lowered.body["weekly_messages"] is None
    quota = (await ada.get("/me/quota")).body
    assert (quota["limit"], quota["used"]) == (2, 3)


@pytest.mark.parametrize("wrong", [-1, 1_000_000_001, "many", 1.5])
async def test_a_quota_out_of_range_names_the_field(root: Person, ada: Person, wrong: object):
    answer = await root.patch(f"/admin/users/{ada.id}", {"weekly_messages": wrong})

    assert (answer.status, answer.paths) == (422, ["weekly_messages"])


async def test_an_administrator_lists_who_has_reached_their_quota(root: Person, ada: Person, bob: Person):
    room = await ada.room()
    await ada.say(room, "1")
    await ada.say(room, "2")
    await root.patch(f"/admin/users/{bob.id}", {"weekly_messages": 0})

    reached = await root.get("/admin/users?quota_exceeded=true")
    first = await root.get("/admin/users?quota_exceeded=true&limit=1")
    rest = await root.get(f"/admin/users?quota_exceeded=true&after={first.body['next']}")
    others = await root.get("/admin/users?quota_exceeded=false")
    named = await root.get("/admin/users?quota_exceeded=true&query=B")

    def names(answer: Answer) -> list[str]:
        return sorted(user["username"] for user in answer.body["items"])

    assert names(reached) == ["ada", "bob"]
    assert sorted(names(first) + names(rest)) == ["ada", "bob"]
    assert names(others) == ["root"]
    assert names(named) == ["bob"]
    assert (await ada.get("/admin/users?quota_exceeded=true")).status == 403


class TestWithoutALimit:
    """The server has none unless it is set."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"weekly_messages": None})

    async def test_what_is_used_is_counted_all_the_same(self, ada: Person):
        room = await ada.room()
        for text in "123":
            await ada.say(room, text)

        quota = (await ada.get("/me/quota")).body

        assert (quota["limit"], quota["used"]) == (None, 3)
