import pytest

from engine.accounts.accounts import Accounts
from engine.accounts.forms import AccountChanges
from engine.accounts.passwords import Passwords
from engine.domain.people import User
from engine.errors import Unauthenticated
from engine.settings import Settings
from tests.engine.accounts.fixtures import PASSWORD, Unreliable
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@Example.ORG"])
async def test_people_sign_in_by_username_or_email_in_any_case(accounts: Accounts, ada: User, login: str):
    signed_in = await accounts.login(login, PASSWORD)

    assert signed_in.user == ada
    assert (signed_in.token_type, signed_in.expires_in) == ("Bearer", 900)


@pytest.mark.parametrize("login", ["ada", "nobody", "nobody@example.org", "", "a\x00da", "\ud800"])
async def test_an_unknown_login_and_a_wrong_password_are_answered_alike(accounts: Accounts, ada: User, login: str):
    assert ada.active

    with pytest.raises(Unauthenticated) as refusal:
        await accounts.login(login, "wrong password")

    assert str(refusal.value) == "the login or the password is wrong"


async def test_an_unknown_login_costs_a_full_hash(monkeypatch: pytest.MonkeyPatch):
    passwords = Passwords(time_cost=1, memory_kib=8)
    checked: list[str] = []
    verify = passwords._verify

    def check(octets: bytes, encoded: str) -> bool:
        checked.append(encoded)
        return verify(octets, encoded)

    monkeypatch.setattr(passwords, "_verify", check)

    matches = await passwords.matches(PASSWORD, None)

    assert not matches
    assert [encoded.split("$")[1:4] for encoded in checked] == [["argon2id", "v=19", "m=8,t=1,p=1"]]
    assert not passwords.outdated(checked[0])


async def test_a_deactivated_person_cannot_sign_in(accounts: Accounts, ada: User):
    await accounts.administrate(ada.id, AccountChanges(active=False))

    with pytest.raises(Unauthenticated, match="deactivated"):
        await accounts.login("ada", PASSWORD)
    with pytest.raises(Unauthenticated, match="wrong"):
        await accounts.login("ada", "wrong password")


async def test_a_person_deactivated_while_their_password_is_checked_cannot_sign_in(
    accounts: Accounts, storage: Unreliable, ada: User
):
    async def deactivate() -> None:
        storage.after.clear()
        await accounts.administrate(ada.id, AccountChanges(active=False))

    storage.after["by_login"] = deactivate

    with pytest.raises(Unauthenticated, match="deactivated"):
        await accounts.login("ada", PASSWORD)


async def test_a_password_is_hashed_anew_at_login_when_the_parameters_have_changed(
    settings: Settings, storage: Unreliable, clock: StoppedClock, ada: User
):
    dearer = Accounts.of(settings.model_copy(update={"argon2_time_cost": 2}), storage, clock)

    await dearer.login("ada", PASSWORD)
    first = await storage.users.by_login("ada")
    await dearer.login("ada", PASSWORD)
    second = await storage.users.by_login("ada")

    assert first is not None
    assert first == second
    assert "t=2" in first[1]
    assert first[0] == ada


async def test_the_same_characters_are_the_same_password_however_they_are_composed():
    passwords = Passwords(time_cost=1, memory_kib=8)
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"

    matches = await passwords.matches(decomposed, await passwords.hash(composed))

    assert matches


async def test_a_stored_hash_that_is_not_one_matches_nothing():
    assert not await Passwords(time_cost=1, memory_kib=8).matches(PASSWORD, "not a hash")
