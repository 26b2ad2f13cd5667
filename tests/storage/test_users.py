"""Accounts: uniqueness in any case, renaming, search."""

import pytest
from msgspec.structs import replace

from engine.domain.fields import AccountRole, ParticipantId, Status, TimelineId
from engine.errors import Conflict
from engine.storage.repositories import Storage
from tests.storage.made import a_user, add_user

pytestmark = pytest.mark.anyio


async def test_an_account_is_found_by_id_email_and_username_in_any_case(storage: Storage) -> None:
    user = a_user("Grace.Hopper", email="grace@example.org", display_name="Amazing Grace", language="en")

    assert await storage.users.add(user, "the hash", "epoch") is None

    assert await storage.users.get(user.id) == user
    assert await storage.users.by_login("GRACE@Example.org") == (user, "the hash")
    assert await storage.users.by_login("grace.HOPPER") == (user, "the hash")


async def test_unknown_accounts_are_none(storage: Storage) -> None:
    assert await storage.users.get(ParticipantId("nobody")) is None
    for login in ("nobody", "", "%", "a\x00b", "\ud800"):
        assert await storage.users.by_login(login) is None


async def test_an_email_is_stored_in_lower_case_and_a_username_keeps_its_case(storage: Storage) -> None:
    user = await add_user(storage, "Ada", email="ADA@Example.org")

    found = await storage.users.get(user.id)

    assert found == replace(user, email="ada@example.org")


async def test_a_new_account_has_its_personal_timeline(storage: Storage) -> None:
    user = a_user("Ada")

    await storage.users.add(user, "hash", "its epoch")

    [own] = await storage.log.claim([TimelineId(user.id)])
    assert own is not None
    assert (own.epoch, own.head) == ("its epoch", 0)


@pytest.mark.parametrize(
    ("username", "email", "taken"),
    [
        ("new", "ADA@example.org", "email"),
        ("ADA", "new@example.org", "username"),
        ("ada", "ada@example.org", "email"),
    ],
)
async def test_a_taken_email_or_username_is_named_and_nothing_is_stored(
    storage: Storage, username: str, email: str, taken: str
) -> None:
    await add_user(storage, "Ada")
    second = a_user(username, email=email)

    assert await storage.users.add(second, "hash", "epoch") == taken

    assert await storage.users.get(second.id) is None
    assert await storage.log.claim([TimelineId(second.id)]) == [None]


async def test_an_id_is_used_once(storage: Storage) -> None:
    user = await add_user(storage, "Ada")

    with pytest.raises(Conflict):
        await storage.users.add(replace(a_user("Bob"), id=user.id), "hash", "epoch")


async def test_get_many_gives_those_that_exist(storage: Storage) -> None:
    ada, bob = await add_user(storage, "Ada"), await add_user(storage, "Bob")

    found = await storage.users.get_many([bob.id, ParticipantId("nobody"), ada.id, ParticipantId("\x00"), ada.id])

    assert sorted(found, key=lambda user: user.id) == [ada, bob]
    assert await storage.users.get_many([]) == []


async def test_an_update_stores_every_field_that_changed(storage: Storage) -> None:
    user = await add_user(storage, "Ada")
    changed = replace(
        user,
        username="Lovelace",
        email="lovelace@example.org",
        display_name="Countess",
        language="fr",
        status=Status.BUSY,
        role=AccountRole.ADMIN,
        active=False,
    )

    assert await storage.users.update(changed, was=user) is None

    assert await storage.users.get(user.id) == changed
    assert await storage.users.by_login("lovelace") == (changed, "hash")
    assert await storage.users.by_login("ada") is None


async def test_updates_of_different_fields_from_the_same_state_all_hold(storage: Storage) -> None:
    user = await add_user(storage, "ada")

    await storage.users.update(replace(user, active=False), was=user)
    await storage.users.update(replace(user, status=Status.AWAY), was=user)

    assert await storage.users.get(user.id) == replace(user, active=False, status=Status.AWAY)


async def test_an_update_may_change_nothing_but_the_case(storage: Storage) -> None:
    user = await add_user(storage, "ada")

    assert await storage.users.update(replace(user, username="ADA"), was=user) is None

    assert await storage.users.get(user.id) == replace(user, username="ADA")


@pytest.mark.parametrize(("field", "value"), [("email", "BOB@example.org"), ("username", "BOB")])
async def test_an_update_to_a_taken_field_changes_nothing(storage: Storage, field: str, value: str) -> None:
    ada, _ = await add_user(storage, "Ada"), await add_user(storage, "Bob")

    taken = await storage.users.update(replace(ada, display_name="Countess", **{field: value}), was=ada)

    assert taken == field
    assert await storage.users.get(ada.id) == ada


async def test_updating_an_unknown_account_changes_nothing(storage: Storage) -> None:
    stranger = a_user("stranger")

    assert await storage.users.update(replace(stranger, active=False), was=stranger) is None

    assert await storage.users.get(stranger.id) is None


async def test_a_password_is_replaced(storage: Storage) -> None:
    user = await add_user(storage, "Ada")

    await storage.users.set_password(user.id, "new hash")

    assert await storage.users.by_login("ada") == (user, "new hash")


async def test_search_finds_active_accounts_by_prefix_page_by_page(storage: Storage) -> None:
    names = ["anna", "ANdrew", "an_other", "bob", "ana"]
    users = {name: await add_user(storage, name) for name in names}
    await storage.users.update(replace(users["ana"], active=False), was=users["ana"])

    first = await storage.users.search("An", limit=2)
    second = await storage.users.search("An", after=first[-1].id, limit=2)

    assert [user.username for user in first + second] == ["anna", "ANdrew", "an_other"]
    assert await storage.users.search("an_", limit=9) == [users["an_other"]]
    assert await storage.users.search("%", limit=9) == []
    assert len(await storage.users.search("", limit=9)) == 4
    assert len(await storage.users.search("", limit=9, inactive=True)) == 5
    assert await storage.users.search("\x00", limit=9) == []
