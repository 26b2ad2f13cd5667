"""Who is connected to this process, by any door.

    engine.presence.connected(user, client)         # a WebSocket, a stream of events, an agent at work
    engine.presence.disconnected(user.id, client)
    engine.presence.of(user.id)                     # Availability.AVAILABLE, for a few seconds more

Everything here is memory and returns at once.
"""

from collections.abc import Callable

from engine.domain.fields import Availability, ParticipantId
from engine.domain.people import User
from engine.presence.following import Following


class People:
    """The connected people. Several clients of one person count once.

    Connected means: to the server at all, whatever they are subscribed to. Whose last client has gone stays present for `grace`
    seconds, and until the next `sweep` after them, so that a reconnection is not seen. `time` is monotonic, in seconds.
    """

    def __init__(self, time: Callable[[], float], *, grace: float) -> None:
        self._time = time
        self._grace = grace
        self._clients: dict[ParticipantId, set[object]] = {}
        self._availability: dict[ParticipantId, Availability] = {}
        # In the order in which their grace ends: it is the same for all.
        self._leaving: dict[ParticipantId, float] = {}
        self._followings: dict[ParticipantId, set[Following]] = {}
        self._unheard: set[Following] = set()

    def __len__(self) -> int:
        return len(self._availability)

    def of(self, person: ParticipantId) -> Availability:
        """How others see someone now."""
        return self._availability.get(person, Availability.OFFLINE)

    # -- what the doors tell -------------------------------------------------------------------------------------------

    def connected(self, user: User, client: object) -> None:
        """A client of this person has connected; telling it again changes nothing.

        `client` stands for it: anything that is equal only to itself.
        """
        self._clients.setdefault(user.id, set()).add(client)
        self._leaving.pop(user.id, None)
        self._set(user.id, Availability(user.status))

    def disconnected(self, person: ParticipantId, client: object) -> None:
        """A client has gone; one that was not there is fine."""
        clients = self._clients.get(person)
        if clients is None:
            return
        clients.discard(client)
        if not clients:
            del self._clients[person]
            self._leaving[person] = self._time() + self._grace

    def account_changed(self, user: User) -> None:
        """What an account says of itself, after a change: for `Accounts.watch`."""
        if user.id in self._availability:
            self._set(user.id, Availability(user.status))

    async def sweep(self) -> None:
        """Let those go whose grace is over. To be done every second or so; costs nothing for those who stay."""
        now = self._time()
        for person in [person for person, until in self._leaving.items() if until <= now]:
            del self._leaving[person]
            del self._availability[person]
            self._tell(person)
        unheard, self._unheard = self._unheard, set()
        for following in unheard:
            following.wake()

    # -- what timelines hear -------------------------------------------------------------------------------------------

    def follow(self, wake: Callable[[], bool]) -> Following:
        """Begin to hear of people; see `Following`."""
        return Following(self, wake)

    def add(self, person: ParticipantId, following: Following) -> None:
        """See `Index`."""
        self._followings.setdefault(person, set()).add(following)

    def discard(self, person: ParticipantId, following: Following) -> None:
        """See `Index`."""
        followings = self._followings.get(person)
        if followings is not None:
            followings.discard(following)
            if not followings:
                del self._followings[person]

    def retry(self, following: Following) -> None:
        """See `Index`."""
        self._unheard.add(following)

    def _set(self, person: ParticipantId, availability: Availability) -> None:
        if self._availability.get(person) is not availability:
            self._availability[person] = availability
            self._tell(person)

    def _tell(self, person: ParticipantId) -> None:
        for following in tuple(self._followings.get(person, ())):
            following.note(person)
