import anyio
import pytest
from anyio.lowlevel import checkpoint

from engine.accounts.accounts import Accounts
from engine.accounts.forms import AccountChanges, SignIn
from engine.accounts.tokens import refresh_digest
from engine.domain.people import User
from engine.errors import Conflict, EngineError, StorageUnavailable, TokenExpired, Unauthenticated
from engine.settings import Settings, SettingsError
from tests.engine.accounts.fixtures import PASSWORD, Unreliable
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def signed_in(accounts: Accounts, ada: User) -> SignIn:
    return await accounts.login(ada.username, PASSWORD)


async def concurrently(accounts: Accounts, refresh_token: str, times: int) -> list[SignIn | EngineError]:
    answers: list[SignIn | EngineError] = []

    async def refresh() -> None:
        try:
            answers.append(await accounts.refresh(refresh_token))
        except EngineError as refusal:
            answers.append(refusal)

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(refresh)
    return answers


async def test_an_access_token_speaks_for_its_person_until_it_expires(
    accounts: Accounts, clock: StoppedClock, ada: User, signed_in: SignIn
):
    identity = await accounts.authenticate(signed_in.access_token)
    clock.advance(seconds=899)
    again = await accounts.authenticate(signed_in.access_token)

    assert identity == again
    assert identity.user == ada
    assert identity.expires_at is not None
    assert (identity.expires_at - clock.start).total_seconds() == 900
    clock.advance(seconds=1)
    with pytest.raises(TokenExpired):
        await accounts.authenticate(signed_in.access_token)


async def test_a_refresh_token_never_works_as_an_access_token_nor_the_other_way_round(
    accounts: Accounts, signed_in: SignIn
):
    with pytest.raises(Unauthenticated):
        await accounts.authenticate(signed_in.refresh_token)
    with pytest.raises(Unauthenticated):
        await accounts.refresh(signed_in.access_token)

    assert await accounts.authenticate(signed_in.access_token)
    assert await accounts.refresh(signed_in.refresh_token)


@pytest.mark.parametrize("token", ["", "nonsense", "\x00", "\ud800", "gathering_refresh_"])
async def test_a_refresh_token_that_was_never_given_is_refused(accounts: Accounts, token: str):
    with pytest.raises(Unauthenticated):
        await accounts.refresh(token)


async def test_a_refresh_token_is_stored_only_as_its_digest(storage: Unreliable, signed_in: SignIn):
    stored = await storage.tokens.get(refresh_digest(signed_in.refresh_token))

    assert stored is not None
    assert signed_in.refresh_token.encode() not in stored.digest
    assert signed_in.refresh_token not in repr(signed_in)
    assert signed_in.access_token not in repr(signed_in)


async def test_a_refresh_continues_the_same_sign_in_with_a_new_pair(accounts: Accounts, signed_in: SignIn):
    before = await accounts.authenticate(signed_in.access_token)

    refreshed = await accounts.refresh(signed_in.refresh_token)

    after = await accounts.authenticate(refreshed.access_token)
    assert refreshed.refresh_token != signed_in.refresh_token
    assert (after.family_id, after.user) == (before.family_id, before.user)


async def test_using_a_rotated_refresh_token_again_ends_the_family_and_its_access_tokens(
    accounts: Accounts, signed_in: SignIn
):
    refreshed = await accounts.refresh(signed_in.refresh_token)

    with pytest.raises(Unauthenticated, match="used before"):
        await accounts.refresh(signed_in.refresh_token)

    for token in (signed_in.access_token, refreshed.access_token):
        with pytest.raises(Unauthenticated):
            await accounts.authenticate(token)
    with pytest.raises(Unauthenticated):
        await accounts.refresh(refreshed.refresh_token)


async def test_the_end_of_a_family_leaves_the_persons_other_sign_ins_alone(accounts: Accounts, ada: User):
    phone, laptop = [await accounts.login(ada.username, PASSWORD) for _ in range(2)]

    await accounts.logout((await accounts.authenticate(phone.access_token)).family_id)

    with pytest.raises(Unauthenticated):
        await accounts.authenticate(phone.access_token)
    with pytest.raises(Unauthenticated):
        await accounts.refresh(phone.refresh_token)
    assert await accounts.authenticate(laptop.access_token)
    assert await accounts.refresh(laptop.refresh_token)


async def test_concurrent_refreshes_of_one_token_share_one_answer_and_the_family_lives(
    accounts: Accounts, signed_in: SignIn
):
    answers = await concurrently(accounts, signed_in.refresh_token, times=4)

    first = answers[0]
    assert isinstance(first, SignIn)
    assert answers == [first] * 4
    assert await accounts.authenticate(first.access_token)
    assert await accounts.refresh(first.refresh_token)


async def test_refreshes_that_are_sent_together_share_one_answer_though_one_arrives_late(
    settings: Settings, storage: Unreliable, clock: StoppedClock, signed_in: SignIn
):
    patient = Accounts.of(settings.model_copy(update={"refresh_gather": 0.2}), storage, clock)
    rotated = anyio.Event()
    answers: list[SignIn] = []

    async def notice() -> None:
        rotated.set()

    async def refresh() -> None:
        answers.append(await patient.refresh(signed_in.refresh_token))

    storage.after["rotate"] = notice
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refresh)
        await rotated.wait()
        tasks.start_soon(refresh)

    assert answers[0] == answers[1]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_refresh_whose_caller_is_cancelled_is_finished_by_the_next(
    accounts: Accounts, storage: Unreliable, signed_in: SignIn, moment: str
):
    first = anyio.CancelScope()
    answers: list[SignIn] = []

    async def cancel_the_first() -> None:
        storage.before.clear()
        storage.after.clear()
        first.cancel()
        await checkpoint()

    async def refresh_and_be_cancelled() -> None:
        with first:
            await accounts.refresh(signed_in.refresh_token)

    async def refresh() -> None:
        answers.append(await accounts.refresh(signed_in.refresh_token))

    getattr(storage, moment)["rotate"] = cancel_the_first
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refresh_and_be_cancelled)
        await checkpoint()
        for _ in range(3):
            tasks.start_soon(refresh)

    assert first.cancelled_caught
    assert answers == [answers[0]] * 3
    assert await accounts.refresh(answers[0].refresh_token)


async def test_all_who_refresh_together_hear_of_one_outage_once(
    accounts: Accounts, storage: Unreliable, signed_in: SignIn
):
    storage.away = True
    storage.asked.clear()

    answers = await concurrently(accounts, signed_in.refresh_token, times=4)

    assert [type(answer) for answer in answers] == [StorageUnavailable] * 4
    assert storage.asked == ["get"]
    storage.away = False
    assert await accounts.refresh(signed_in.refresh_token)


async def test_the_loser_of_a_race_between_processes_is_told_of_a_conflict_and_the_family_lives(
    accounts: Accounts, elsewhere: Accounts, storage: Unreliable, signed_in: SignIn
):
    won: list[SignIn] = []

    async def win() -> None:
        storage.before.clear()
        won.append(await elsewhere.refresh(signed_in.refresh_token))

    storage.before["rotate"] = win

    with pytest.raises(Conflict):
        await accounts.refresh(signed_in.refresh_token)

    assert await accounts.authenticate(won[0].access_token)
    assert await accounts.refresh(won[0].refresh_token)


async def test_a_refresh_that_loses_against_a_logout_is_refused(
    accounts: Accounts, elsewhere: Accounts, storage: Unreliable, signed_in: SignIn
):
    family_id = (await accounts.authenticate(signed_in.access_token)).family_id

    async def log_out() -> None:
        storage.before.clear()
        await elsewhere.logout(family_id)

    storage.before["rotate"] = log_out

    with pytest.raises(Unauthenticated):
        await accounts.refresh(signed_in.refresh_token)


async def test_a_sign_in_that_is_not_used_for_thirty_days_ends(
    accounts: Accounts, clock: StoppedClock, signed_in: SignIn
):
    clock.advance(days=30, seconds=-1)
    refreshed = await accounts.refresh(signed_in.refresh_token)
    clock.advance(days=30)

    with pytest.raises(Unauthenticated, match="expired"):
        await accounts.refresh(refreshed.refresh_token)


async def test_expired_refresh_tokens_are_purged_and_the_others_kept(
    accounts: Accounts, clock: StoppedClock, ada: User, signed_in: SignIn
):
    clock.advance(days=29)
    later = await accounts.login(ada.username, PASSWORD)
    clock.advance(days=2)

    purged = await accounts.purge()

    assert purged == 1
    with pytest.raises(Unauthenticated):
        await accounts.refresh(signed_in.refresh_token)
    assert await accounts.refresh(later.refresh_token)


async def test_a_family_that_another_process_ended_is_refused_within_two_seconds(
    accounts: Accounts, elsewhere: Accounts, clock: StoppedClock, signed_in: SignIn
):
    identity = await accounts.authenticate(signed_in.access_token)
    await elsewhere.logout(identity.family_id)

    clock.advance(seconds=2)

    with pytest.raises(Unauthenticated):
        await accounts.authenticate(signed_in.access_token)


async def test_authenticating_again_does_not_ask_the_database(
    accounts: Accounts, storage: Unreliable, signed_in: SignIn
):
    await accounts.authenticate(signed_in.access_token)
    storage.asked.clear()

    await accounts.authenticate(signed_in.access_token)

    assert storage.asked == []


async def test_while_the_database_is_away_known_sign_ins_go_on_and_unknown_ones_are_told_so(
    accounts: Accounts, elsewhere: Accounts, storage: Unreliable, clock: StoppedClock, signed_in: SignIn
):
    known = await accounts.authenticate(signed_in.access_token)
    storage.away = True
    clock.advance(seconds=60)

    identity = await accounts.authenticate(signed_in.access_token)

    assert identity == known
    with pytest.raises(StorageUnavailable):
        await elsewhere.authenticate(signed_in.access_token)
    with pytest.raises(StorageUnavailable):
        await accounts.refresh(signed_in.refresh_token)
    with pytest.raises(StorageUnavailable):
        await accounts.login("ada", PASSWORD)


async def test_a_deactivated_person_is_refused_at_once_and_stays_signed_out_when_active_again(
    accounts: Accounts, ada: User, signed_in: SignIn
):
    await accounts.authenticate(signed_in.access_token)

    await accounts.administrate(ada.id, AccountChanges(active=False))

    with pytest.raises(Unauthenticated):
        await accounts.authenticate(signed_in.access_token)
    with pytest.raises(Unauthenticated):
        await accounts.current(ada.id)
    await accounts.administrate(ada.id, AccountChanges(active=True))
    assert (await accounts.current(ada.id)).active
    with pytest.raises(Unauthenticated):
        await accounts.authenticate(signed_in.access_token)
    with pytest.raises(Unauthenticated):
        await accounts.refresh(signed_in.refresh_token)


async def test_no_accounts_without_a_secret_key(settings: Settings, storage: Unreliable, clock: StoppedClock):
    with pytest.raises(SettingsError, match="secret_key"):
        Accounts.of(settings.model_copy(update={"secret_key": None}), storage, clock)
