"""What agents remember, over HTTP: who may see it, correct it and have it forgotten, and what is refused."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from engine.domain.memories import LONGEST, MOST
from tests.gateway.test_agents import NOWHERE, define
from tests.support.rest import Answer, Caller, Person

pytestmark = pytest.mark.anyio

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({}, "text"),
    ({"text": ""}, "text"),
    ({"text": " \n"}, "text"),
    ({"text": "x" * (LONGEST + 1)}, "text"),
    ({"text": "nul \x00"}, "text"),
    ({"text": "x", "keywords": ["y"] * 17}, "keywords"),
    ({"text": "x", "keywords": [""]}, "keywords.0"),
    ({"text": "x", "timeline_id": NOWHERE}, "timeline_id"),
    ({"text": "x", "timeline_id": "nowhere"}, "timeline_id"),
    ({"text": "x", "colour": "red"}, "colour"),
]


@pytest.fixture
async def agent(root: Person) -> str:
    return str((await define(root))["id"])


async def remembered(person: Person, agent: str, text: str, **fields: object) -> dict[str, Any]:
    answer = await person.post(f"/agents/{agent}/memories", {"text": text, **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body)


def texts(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [item["text"] for item in answer.body["items"]]


async def test_what_one_tells_an_agent_is_remembered_of_oneself(agent: str, ada: Person) -> None:
    room = await ada.room()

    made = await remembered(ada, agent, "I like tea", keywords=["drinks"], timeline_id=room)

    assert made["about"] == ada.id
    assert (made["agent_id"], made["timeline_id"], made["message_id"]) == (agent, room, None)
    assert (await ada.get(f"/agents/{agent}/memories/{made['id']}")).body == made
    assert (await ada.get(f"/agents/{agent}/memories")).body == {"items": [made], "next": None}
    owner = {"id": agent, "kind": "agent", "name": "Ann"}
    assert (await ada.get("/me/memories")).body == {"items": [{**made, "agent": owner}], "next": None}


async def test_a_memory_is_corrected_searched_and_forgotten(agent: str, ada: Person) -> None:
    path = f"/agents/{agent}/memories"
    made = await remembered(ada, agent, "I like tea")

    changed = await ada.patch(f"{path}/{made['id']}", {"text": "I like coffee", "keywords": ["drinks"]})
    same = await ada.patch(f"{path}/{made['id']}", {})

    assert changed.body == {
        **made,
        "text": "I like coffee",
        "keywords": ["drinks"],
        "updated_at": changed.body["updated_at"],
    }
    assert changed.body["updated_at"] > made["updated_at"]
    assert same.body == changed.body
    assert texts(await ada.get(f"{path}/search?q=tea")) == []
    assert texts(await ada.get(f"{path}/search?q=drinks")) == ["I like coffee"]
    assert (await ada.delete(f"{path}/{made['id']}")).status == 204
    assert (await ada.delete(f"{path}/{made['id']}")).status == 404
    assert texts(await ada.get(path)) == []


async def test_lists_are_paged_from_the_newest_on(agent: str, ada: Person) -> None:
    for number in range(5):
        await remembered(ada, agent, f"tea {number}")

    for path in (f"/agents/{agent}/memories?", f"/agents/{agent}/memories/search?q=tea&", "/me/memories?"):
        first = await ada.get(f"{path}limit=3")
        rest = await ada.get(f"{path}limit=3&after={first.body['next']}")

        assert (texts(first), texts(rest)) == (["tea 4", "tea 3", "tea 2"], ["tea 1", "tea 0"])
        assert rest.body["next"] is None


async def test_one_has_forgotten_what_one_agent_remembers_or_all_do(root: Person, agent: str, ada: Person) -> None:
    other = (await define(root, name="Bo"))["id"]
    for each in (agent, other):
        await remembered(ada, each, f"for {each}")
        await remembered(root, each, "of root")

    assert texts(await ada.get(f"/me/memories?agent_id={agent}")) == [f"for {agent}"]
    assert (await ada.delete(f"/me/memories?agent_id={agent}")).status == 204
    assert texts(await ada.get("/me/memories")) == [f"for {other}"]
    assert (await ada.delete("/me/memories")).status == 204

    assert texts(await ada.get("/me/memories")) == []
    assert texts(await root.get("/me/memories")) == ["of root", "of root"]


@pytest.mark.parametrize(("body", "path"), IMPOSSIBLE)
async def test_what_cannot_be_is_refused_by_its_field(agent: str, ada: Person, body: dict[str, Any], path: str) -> None:
    answer = await ada.post(f"/agents/{agent}/memories", body)

    assert (answer.status, answer.body["code"]) == (422, "invalid_request")
    assert [error["path"] for error in answer.body["errors"]] == [path]


async def test_a_room_that_one_may_not_read_is_no_place_to_remember(agent: str, ada: Person, bob: Person) -> None:
    room = await ada.room(visibility="private")

    answer = await bob.post(f"/agents/{agent}/memories", {"text": "x", "timeline_id": room})

    assert (answer.status, answer.body["errors"][0]["path"]) == (422, "timeline_id")


async def test_more_than_the_most_is_refused_with_the_limit(agent: str, ada: Person, bob: Person) -> None:
    for number in range(MOST):
        await remembered(ada, agent, f"fact {number}")

    answer = await ada.post(f"/agents/{agent}/memories", {"text": "one more"})

    assert (answer.status, answer.body["code"]) == (409, "conflict")
    assert str(MOST) in answer.body["detail"]
    await remembered(bob, agent, "of somebody else")


async def test_administrators_say_what_is_remembered_of_others_and_of_places(
    root: Person, agent: str, ada: Person
) -> None:
    room = await ada.room()

    of_ada = await remembered(root, agent, "Ada likes tea", about=ada.id)
    of_room = await remembered(root, agent, "This is about tea", about=None, timeline_id=room)
    nowhere = await root.post(f"/agents/{agent}/memories", {"text": "x", "about": None})
    nobody = await root.post(f"/agents/{agent}/memories", {"text": "x", "about": NOWHERE})

    assert (of_ada["about"], of_room["about"]) == (ada.id, None)
    assert [each.body["errors"][0]["path"] for each in (nowhere, nobody)] == ["timeline_id", "about"]
    assert texts(await root.get(f"/agents/{agent}/memories")) == ["This is about tea", "Ada likes tea"]
    assert texts(await root.get(f"/agents/{agent}/memories?about={ada.id}")) == ["Ada likes tea"]
    assert texts(await root.get(f"/agents/{agent}/memories/search?q=tea&about={ada.id}")) == ["Ada likes tea"]
    assert texts(await ada.get("/me/memories")) == ["Ada likes tea"]


@dataclass(frozen=True)
class Scene:
    """An agent that remembers one thing of ada, and one of bob; ada's is what is asked about."""

    agent: str
    memory: str
    ada: Person


Operation = Callable[[Caller, Scene], Awaitable[Answer]]

OPERATIONS: dict[str, tuple[Operation, dict[str, int]]] = {
    "read": (
        lambda who, s: who.get(f"/agents/{s.agent}/memories/{s.memory}"),
        {"admin": 200, "herself": 200, "other": 404, "nobody": 401},
    ),
    "list hers": (
        lambda who, s: who.get(f"/agents/{s.agent}/memories?about={s.ada.id}"),
        {"admin": 200, "herself": 200, "other": 403, "nobody": 401},
    ),
    "search hers": (
        lambda who, s: who.get(f"/agents/{s.agent}/memories/search?q=tea&about={s.ada.id}"),
        {"admin": 200, "herself": 200, "other": 403, "nobody": 401},
    ),
    "add of her": (
        lambda who, s: who.post(f"/agents/{s.agent}/memories", {"text": "x", "about": s.ada.id}),
        {"admin": 201, "herself": 201, "other": 403, "nobody": 401},
    ),
    "add of a place": (
        lambda who, s: who.post(f"/agents/{s.agent}/memories", {"text": "x", "about": None, "timeline_id": NOWHERE}),
        {"admin": 422, "herself": 403, "other": 403, "nobody": 401},
    ),
    "correct": (
        lambda who, s: who.patch(f"/agents/{s.agent}/memories/{s.memory}", {"text": "tea?"}),
        {"admin": 200, "herself": 200, "other": 404, "nobody": 401},
    ),
    "forget": (
        lambda who, s: who.delete(f"/agents/{s.agent}/memories/{s.memory}"),
        {"admin": 204, "herself": 404, "other": 404, "nobody": 401},
    ),
}
"""What each may do, in this order; `herself` comes after `admin`, who has had it forgotten."""


async def test_who_may_do_what_with_a_memory(
    root: Person, agent: str, ada: Person, bob: Person, anyone: Caller
) -> None:
    made = await remembered(ada, agent, "I like tea")
    await remembered(bob, agent, "tea, too")
    scene = Scene(agent, made["id"], ada)
    who = {"other": bob, "nobody": anyone, "admin": root, "herself": ada}

    found = {
        name: {role: (await perform(person, scene)).status for role, person in who.items()}
        for name, (perform, _) in OPERATIONS.items()
    }

    assert found == {name: expected for name, (_, expected) in OPERATIONS.items()}


async def test_others_see_nothing_of_a_person_in_any_list(agent: str, ada: Person, bob: Person) -> None:
    await remembered(ada, agent, "I like tea")

    lists = [f"/agents/{agent}/memories", f"/agents/{agent}/memories/search?q=tea", "/me/memories"]

    assert [texts(await bob.get(path)) for path in lists] == [[], [], []]


async def test_what_a_removed_agent_remembered_is_gone(root: Person, agent: str, ada: Person) -> None:
    made = await remembered(ada, agent, "I like tea")

    await root.delete(f"/agents/{agent}")

    assert texts(await ada.get("/me/memories")) == []
    assert (await ada.get(f"/agents/{agent}/memories/{made['id']}")).status == 404
    assert (await ada.get(f"/agents/{NOWHERE}/memories")).status == 404
