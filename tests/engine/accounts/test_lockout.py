import anyio
import pytest

from engine.accounts.accounts import Accounts
from engine.accounts.lockout import Lockout
from engine.domain.activity import Origin
from engine.domain.people import User
from engine.errors import RateLimited, StorageUnavailable, Unauthenticated
from tests.engine.accounts.fixtures import PASSWORD, Unreliable
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio

HERE, THERE = Origin("203.0.113.7"), Origin("198.51.100.1")


async def guess(accounts: Accounts, times: int, login: str = "ada", origin: Origin = HERE) -> None:
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await accounts.login(login, "wrong password", origin=origin)


async def test_after_too_many_wrong_passwords_the_right_one_has_to_wait_too(
    accounts: Accounts, ada: User, clock: StoppedClock
):
    await guess(accounts, 10)
    clock.advance(seconds=60)

    with pytest.raises(RateLimited) as refusal:
        await accounts.login("ADA@example.org", PASSWORD, origin=HERE)
    clock.advance(seconds=refusal.value.retry_after)

    assert refusal.value.retry_after == 240
    assert (await accounts.login("ada", PASSWORD, origin=HERE)).user == ada


async def test_nobody_is_locked_out_by_somebody_elsewhere(accounts: Accounts, ada: User):
    await guess(accounts, 10)

    assert (await accounts.login("ada", PASSWORD, origin=THERE)).user == ada


async def test_signing_in_forgets_the_wrong_passwords_before(accounts: Accounts, ada: User):
    await guess(accounts, 9)
    assert (await accounts.login("ada", PASSWORD, origin=HERE)).user == ada

    await guess(accounts, 9)

    assert (await accounts.login("ada", PASSWORD, origin=HERE)).user == ada


async def test_accounts_that_do_not_exist_lock_alike(accounts: Accounts):
    await guess(accounts, 10, "nobody")

    with pytest.raises(RateLimited):
        await accounts.login("NOBODY", "wrong password", origin=HERE)


async def test_an_address_that_tries_many_accounts_is_stopped(accounts: Accounts, ada: User):
    for number in range(100):
        await guess(accounts, 1, f"nobody-{number}")

    with pytest.raises(RateLimited):
        await accounts.login("ada", PASSWORD, origin=HERE)
    assert (await accounts.login("ada", PASSWORD, origin=THERE)).user == ada


async def test_guesses_at_the_same_time_are_no_more_than_the_bound(accounts: Accounts, ada: User):
    assert ada.active
    refusals: list[str] = []

    async def attempt() -> None:
        try:
            await accounts.login("ada", "wrong password", origin=HERE)
        except (Unauthenticated, RateLimited) as error:
            refusals.append(error.code)

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(attempt)

    assert sorted(refusals) == ["rate_limited"] * 20 + ["unauthenticated"] * 10


async def test_an_outage_is_no_wrong_password(accounts: Accounts, ada: User, storage: Unreliable):
    storage.away = True
    for _ in range(20):
        with pytest.raises(StorageUnavailable):
            await accounts.login("ada", PASSWORD, origin=HERE)
    storage.away = False

    assert (await accounts.login("ada", PASSWORD, origin=HERE)).user == ada


async def test_an_outage_while_the_password_is_checked_counts_for_nothing():
    lockout = Lockout(1, 60)
    for _ in range(3):
        with pytest.raises(StorageUnavailable), lockout.attempt("ada", "203.0.113.7"):
            raise StorageUnavailable("away")

    with pytest.raises(Unauthenticated), lockout.attempt("ada", "203.0.113.7"):
        raise Unauthenticated("wrong")
    with pytest.raises(RateLimited), lockout.attempt("ada", "203.0.113.7"):
        pass


async def test_many_right_passwords_at_once_are_all_let_in(accounts: Accounts, ada: User):
    signed_in: list[User] = []

    async def sign_in() -> None:
        signed_in.append((await accounts.login("ada", PASSWORD, origin=HERE)).user)

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(sign_in)

    assert signed_in == [ada] * 30
