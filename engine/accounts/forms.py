"""What people hand in and get back: registration, credentials, changes to an account, a sign-in.

These structs are decoded straight from requests, so their types are the rules of the door. Those that carry a password or a
token say nothing of it in their `repr`, whatever logs or prints them.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.domain.fields import AccountRole, DisplayName, Email, Language, Password, Status, Username, WeeklyMessages
from engine.domain.people import User


class Registration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account, as its owner asks for it."""

    email: Email
    username: Username
    password: Password
    language: Language | None = None

    def __repr__(self) -> str:
        """Without the password."""
        return f"Registration(username={self.username!r})"


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to sign in. `login` is the email or the username, in any case.

    The limits only bound the work: what can belong to nobody is answered like any other wrong login.
    """

    login: Annotated[str, Meta(max_length=512)]
    password: Annotated[str, Meta(max_length=1024)]

    def __repr__(self) -> str:
        """Without the password."""
        return f"Credentials(login={self.login!r})"


class ProfileChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person may change of their own account; UNSET leaves a field as it is, null clears it."""

    display_name: DisplayName | None | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class AccountChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator may change of anyone's account; UNSET leaves a field as it is.

    `weekly_messages` is a quota of this person's own; null gives them the server's.
    """

    role: AccountRole | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    weekly_messages: WeeklyMessages | None | UnsetType = UNSET


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person is signed in. `expires_in` is the access token's life in seconds; the refresh token is good for one exchange."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_token: str
    user: User

    def __repr__(self) -> str:
        """Without the tokens."""
        return f"SignIn(user={self.user.id!r})"


class Identity(msgspec.Struct, frozen=True):
    """Who a token speaks for, by which sign-in (`family_id`) or API key (its id), and until when; a key has no end."""

    user: User
    family_id: str
    expires_at: datetime | None
    api_key: str | None = None
