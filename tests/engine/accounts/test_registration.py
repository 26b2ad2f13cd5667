import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.accounts import Accounts
from engine.accounts.forms import Registration
from engine.domain.fields import AccountRole
from engine.domain.people import User
from engine.errors import Conflict, Forbidden, InvalidRequest
from engine.settings import RegistrationPolicy, Settings
from tests.engine.accounts.fixtures import PASSWORD, Unreliable, registration
from tests.support.clock import StoppedClock

pytestmark = pytest.mark.anyio


async def test_a_new_account_is_an_active_user_with_a_lower_case_email(accounts: Accounts, clock: StoppedClock):
    user = await accounts.register(registration("Ada", email="Ada.L@Example.ORG"))

    assert (user.username, user.email, user.role, user.active) == ("Ada", "ada.l@example.org", AccountRole.USER, True)
    assert user.created_at == clock.now()
    assert await accounts.user(user.id) == user


@pytest.mark.parametrize(
    ("username", "email", "field"), [("ADA", "other@example.org", "username"), ("other", "ADA@Example.org", "email")]
)
async def test_a_taken_username_or_email_is_a_conflict_that_names_the_field_in_any_case(
    accounts: Accounts, ada: User, username: str, email: str, field: str
):
    assert ada.username == "ada"

    with pytest.raises(Conflict, match=field):
        await accounts.register(registration(username, email=email))


@pytest.mark.parametrize(
    ("policy", "sentence"), [(RegistrationPolicy.INVITE, "invitation"), (RegistrationPolicy.CLOSED, "closed")]
)
async def test_people_cannot_register_where_registration_is_not_open(
    settings: Settings, storage: Unreliable, clock: StoppedClock, policy: RegistrationPolicy, sentence: str
):
    accounts = Accounts.of(settings.model_copy(update={"registration": policy}), storage, clock)

    with pytest.raises(Forbidden, match=sentence):
        await accounts.register(registration("ada"))


async def test_an_account_can_be_created_for_someone_where_registration_is_closed(
    settings: Settings, storage: Unreliable, clock: StoppedClock
):
    accounts = Accounts.of(
        settings.model_copy(update={"registration": RegistrationPolicy.CLOSED}), storage, clock, time=clock.monotonic
    )

    user = await accounts.create("grace", "grace@example.org", PASSWORD, admin=True)

    assert user.role is AccountRole.ADMIN
    assert user.principal.admin


@pytest.mark.parametrize(
    ("username", "email", "password", "field"),
    [
        ("with space", "a@example.org", PASSWORD, "username"),
        ("ada", "no at sign", PASSWORD, "email"),
        ("ada", "a@example.org", "short", "password"),
    ],
)
async def test_creating_an_account_names_the_field_that_breaks_a_rule(
    accounts: Accounts, username: str, email: str, password: str, field: str
):
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.create(username, email, password)

    assert [error.path for error in refusal.value.errors] == [field]
    assert password not in str(refusal.value)


def test_unknown_fields_of_a_registration_are_refused():
    body = b'{"email": "a@example.org", "username": "ada", "password": "correct horse", "role": "admin"}'

    with pytest.raises(msgspec.ValidationError, match="role"):
        msgspec.json.decode(body, type=Registration)


@given(st.text(min_size=8, max_size=128).filter(lambda password: password not in "Registration(username='ada')"))
def test_a_registration_never_shows_its_password(password: str):
    shown = repr(registration("ada", password=password))

    assert password not in shown
