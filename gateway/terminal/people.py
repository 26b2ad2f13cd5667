"""The members of one timeline, and which of them are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.terminal.wire import Member, Participant

OFFLINE = "offline"
AVAILABLE = "available"


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the list shows them. `presence` is available, busy, away or offline."""

    participant: Participant
    role: str
    presence: str


class People:
    """Members by their id. Someone is there as long as one of their connections is; an agent, when the server says so."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        self._clients: dict[str, str] = {}
        self._statuses: dict[str, str] = {}

    def __contains__(self, participant_id: str) -> bool:
        return participant_id in self._members

    def __len__(self) -> int:
        return len(self._members)

    def replace(self, members: Iterable[Member]) -> None:
        """The members as the server lists them."""
        self._members = {member.participant.id: member for member in members}
        for member in self._members.values():
            if member.presence not in {None, OFFLINE}:
                self._statuses[member.participant.id] = str(member.presence)

    def add(self, member: Member) -> None:
        """Someone joined."""
        self._members[member.participant.id] = member

    def remove(self, participant_id: str) -> None:
        """Someone left."""
        self._members.pop(participant_id, None)

    def set_role(self, participant_id: str, role: str) -> None:
        """Someone has another role now."""
        if (member := self._members.get(participant_id)) is not None:
            self._members[participant_id] = Member(member.participant, role, member.presence)

    def set_status(self, participant_id: str, status: str) -> None:
        """Someone says something else of themselves."""
        self._statuses[participant_id] = status

    def connected(self, clients: Mapping[str, str]) -> None:
        """Everyone's connections, as the server lists them: participant ids by connection."""
        self._clients = dict(clients)

    def came(self, client: str, participant_id: str) -> None:
        """A connection of someone's was made."""
        self._clients[client] = participant_id

    def went(self, client: str) -> None:
        """A connection ended."""
        self._clients.pop(client, None)

    def name(self, participant_id: str) -> str | None:
        """What a member is called."""
        member = self._members.get(participant_id)
        return member.participant.name if member is not None else None

    def listed(self) -> list[Person]:
        """Everyone: first who is there, then by name."""
        there = set(self._clients.values())
        people = [
            Person(
                member.participant,
                member.role,
                self._presence(each, member, connected=each in there),
            )
            for each, member in self._members.items()
        ]
        return sorted(people, key=lambda person: (person.presence == OFFLINE, person.participant.name.casefold()))

    def _presence(self, participant_id: str, member: Member, *, connected: bool) -> str:
        if member.participant.kind == "agent" and not connected:
            return self._statuses.get(participant_id, OFFLINE)
        return self._statuses.get(participant_id, AVAILABLE) if connected else OFFLINE
