"""People: participants as others see them, accounts as the server knows them."""

from datetime import datetime
from typing import Protocol

import msgspec

from engine.domain.fields import AccountRole, ParticipantId, ParticipantKind, Status


class Participant(msgspec.Struct, frozen=True, gc=False):
    """A person or an agent as everyone sees them. `name` is the display name, else the username."""

    id: ParticipantId
    kind: ParticipantKind
    name: str


class Principal(msgspec.Struct, frozen=True, gc=False):
    """Who is acting, as established at the door. Never decoded from a client's message.

    `username` is how others mention them; None for who has none.
    """

    participant: Participant
    admin: bool = False
    language: str | None = None
    username: str | None = None
    weekly_messages: int | None = None
    """Their own quota; None: the server's."""

    @property
    def id(self) -> ParticipantId:
        """The acting participant's id."""
        return self.participant.id


class Someone(Protocol):
    """Anyone who may take part: an account or an agent."""

    @property
    def id(self) -> ParticipantId:
        """Their participant id."""
        ...

    @property
    def username(self) -> str:
        """How others mention them."""
        ...

    @property
    def participant(self) -> Participant:
        """How others see them."""
        ...


class User(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account, without its password. `email` is stored in lower case; `username` keeps its case and is unique without it.

    `weekly_messages` is this person's own quota; None: the server's.
    """

    id: ParticipantId
    email: str
    username: str
    display_name: str | None = None
    language: str | None = None
    status: Status = Status.AVAILABLE
    role: AccountRole = AccountRole.USER
    active: bool = True
    weekly_messages: int | None = None
    created_at: datetime

    @property
    def participant(self) -> Participant:
        """This person as others see them."""
        return Participant(self.id, ParticipantKind.USER, self.display_name or self.username)

    @property
    def principal(self) -> Principal:
        """This person as the one who acts."""
        return Principal(
            self.participant,
            admin=self.role is AccountRole.ADMIN,
            language=self.language,
            username=self.username,
            weekly_messages=self.weekly_messages,
        )
