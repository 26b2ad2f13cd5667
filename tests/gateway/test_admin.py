"""What administrators see and do over HTTP."""

from typing import Any

import pytest

from tests.support.rest import Person

pytestmark = pytest.mark.anyio


def paths(node: dict[str, Any]) -> list[str]:
    return [node["path"], *(path for child in node["children"] for path in paths(child))]


@pytest.mark.parametrize("path", ["/admin/actors", "/admin/stats", "/admin/models", "/admin/users"])
async def test_administration_is_for_administrators(ada: Person, path: str) -> None:
    answer = await ada.get(path)

    assert (answer.status, answer.code) == (403, "forbidden")


async def test_an_administrator_sees_the_live_actors(root: Person, ada: Person) -> None:
    room = await ada.room()
    await ada.say(room, "hi")

    answer = await root.get("/admin/actors")

    assert any(path.endswith(f"rooms/{room}") for path in paths(answer.body))


async def test_an_administrator_sees_how_the_process_is_doing(root: Person) -> None:
    answer = await root.get("/admin/stats")

    assert answer.body["uptime"] > 0
    assert answer.body["actors"] > 0
    assert answer.body["waiting"] >= 0


async def test_an_administrator_sees_the_chat_models(root: Person) -> None:
    answer = await root.get("/admin/models")

    assert (answer.status, answer.body["default"], answer.body["models"]) == (200, None, [])
    assert answer.body["deadlines"] == {"first_token": 30.0, "between_tokens": 20.0, "total": 300.0}


async def test_an_administrator_finds_accounts_with_their_email(root: Person, ada: Person) -> None:
    answer = await root.get("/admin/users?query=ad")

    assert [(user["id"], user["email"]) for user in answer.body["items"]] == [(ada.id, "ada@example.org")]


async def test_an_administrator_appoints_another(root: Person, ada: Person) -> None:
    answer = await root.patch(f"/admin/users/{ada.id}", {"role": "admin"})

    assert (answer.status, answer.body["role"]) == (200, "admin")
    assert (await ada.get("/admin/stats")).status == 200


async def test_a_person_who_is_active_again_can_sign_in_again(root: Person, ada: Person) -> None:
    await root.patch(f"/admin/users/{ada.id}", {"active": False})

    answer = await root.patch(f"/admin/users/{ada.id}", {"active": True})

    assert (answer.status, answer.body["active"]) == (200, True)


@pytest.mark.parametrize("change", [{"active": False}, {"role": "user"}])
async def test_administrators_cannot_shut_themselves_out(root: Person, change: dict[str, object]) -> None:
    answer = await root.patch(f"/admin/users/{root.id}", change)

    assert (answer.status, answer.code) == (409, "conflict")
    assert (await root.get("/admin/stats")).status == 200


@pytest.mark.parametrize(("change", "path"), [({"role": "king"}, "role"), ({"email": "x@y"}, "email")])
async def test_a_change_that_breaks_a_rule_names_the_field(
    root: Person, ada: Person, change: dict[str, str], path: str
) -> None:
    answer = await root.patch(f"/admin/users/{ada.id}", change)

    assert (answer.status, answer.paths) == (422, [path])


async def test_an_account_that_does_not_exist_is_a_404(root: Person) -> None:
    answer = await root.patch("/admin/users/0190a000-0000-7000-8000-000000000000", {"active": False})

    assert (answer.status, answer.code) == (404, "not_found")
