import anyio
import pytest

from engine.accounts.accounts import Accounts
from engine.accounts.forms import AccountChanges, ProfileChanges
from engine.domain.fields import AccountRole, ParticipantId, Status
from engine.domain.people import User
from engine.errors import NotFound, StorageUnavailable, Unauthenticated
from tests.engine.accounts.fixtures import Unreliable, registration
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio

NOBODY = ParticipantId("0190a000-0000-7000-8000-000000000000")


async def test_a_profile_changes_only_in_the_fields_given_and_null_clears_one(accounts: Accounts, ada: User):
    await accounts.update_profile(ada.id, ProfileChanges(display_name="Ada L.", language="en"))

    user = await accounts.update_profile(ada.id, ProfileChanges(language=None, status=Status.BUSY))

    assert (user.display_name, user.language, user.status) == ("Ada L.", None, Status.BUSY)
    assert user.participant.name == "Ada L."
    assert await accounts.user(ada.id) == user


async def test_nobody_can_be_changed_who_is_not_there(accounts: Accounts):
    with pytest.raises(NotFound):
        await accounts.update_profile(NOBODY, ProfileChanges(status=Status.AWAY))
    with pytest.raises(NotFound):
        await accounts.administrate(NOBODY, AccountChanges(active=False))
    with pytest.raises(NotFound):
        await accounts.user(NOBODY)
    with pytest.raises(NotFound):
        await accounts.find("nobody")
    with pytest.raises(Unauthenticated):
        await accounts.current(NOBODY)


async def test_an_administrator_is_made_and_unmade(accounts: Accounts, ada: User):
    promoted = await accounts.administrate(ada.id, AccountChanges(role=AccountRole.ADMIN))
    demoted = await accounts.administrate(ada.id, AccountChanges(role=AccountRole.USER))

    assert promoted.principal.admin
    assert not demoted.principal.admin


async def test_concurrent_changes_of_different_fields_all_hold(accounts: Accounts, ada: User):
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(accounts.update_profile, ada.id, ProfileChanges(display_name="Ada L."))
        tasks.start_soon(accounts.administrate, ada.id, AccountChanges(active=False))
        tasks.start_soon(accounts.update_profile, ada.id, ProfileChanges(language="de"))
        tasks.start_soon(accounts.update_profile, ada.id, ProfileChanges(status=Status.AWAY))

    user = await accounts.find("ada")
    assert (user.display_name, user.language, user.status, user.active) == ("Ada L.", "de", Status.AWAY, False)


async def test_watchers_are_told_of_every_change_with_the_new_state(accounts: Accounts, ada: User):
    told: list[User] = []
    accounts.watch(told.append)

    renamed = await accounts.update_profile(ada.id, ProfileChanges(display_name="Ada L."))
    await accounts.update_profile(ada.id, ProfileChanges(display_name="Ada L."))
    deactivated = await accounts.administrate(ada.id, AccountChanges(active=False))
    grace = await accounts.register(registration("grace"))

    assert told == [renamed, deactivated, grace]


async def test_a_change_made_by_another_process_is_noticed_within_two_seconds_and_watchers_are_told(
    accounts: Accounts, elsewhere: Accounts, clock: StoppedClock, ada: User
):
    told: list[User] = []
    accounts.watch(told.append)
    deactivated = await elsewhere.administrate(ada.id, AccountChanges(active=False))

    clock.advance(seconds=2)

    with pytest.raises(Unauthenticated):
        await accounts.current(ada.id)
    assert told == [deactivated]


async def test_people_stay_who_they_were_while_the_database_is_away(
    accounts: Accounts, elsewhere: Accounts, storage: Unreliable, clock: StoppedClock, ada: User
):
    storage.away = True
    clock.advance(hours=1)

    assert await accounts.current(ada.id) == ada
    with pytest.raises(StorageUnavailable):
        await elsewhere.current(ada.id)
    with pytest.raises(StorageUnavailable):
        await accounts.update_profile(ada.id, ProfileChanges(status=Status.AWAY))


async def test_a_deactivation_whose_second_half_failed_refuses_all_the_same_and_can_be_completed(
    accounts: Accounts, storage: Unreliable, ada: User
):
    async def go_away() -> None:
        storage.away = True

    storage.after["update"] = go_away
    with pytest.raises(StorageUnavailable):
        await accounts.administrate(ada.id, AccountChanges(active=False))
    storage.away = False
    storage.asked.clear()

    with pytest.raises(Unauthenticated):
        await accounts.current(ada.id)
    await accounts.administrate(ada.id, AccountChanges(active=False))
    assert storage.asked == ["get", "revoke_user"]


async def test_people_are_found_by_login_and_searched_by_the_beginning_of_their_username(accounts: Accounts):
    ada, adam, grace = [await accounts.register(registration(name)) for name in ("ada", "Adam", "grace")]
    await accounts.administrate(grace.id, AccountChanges(active=False))

    assert await accounts.find("ADAM@example.org") == adam
    assert await accounts.search("AD") == [ada, adam]
    assert await accounts.search("ad", after=ada.id, limit=1) == [adam]
    assert await accounts.search("gra") == []
