"""People who act in rooms, sinks that keep what they hear, and a storage whose every operation a test can get in the way of."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from actors import Ref
from engine.domain.events import Event
from engine.domain.fields import MessageId, Role, TimelineId, Visibility
from engine.domain.messages import Draft, Message
from engine.domain.people import Participant, Principal
from engine.domain.rooms import Member, Room
from engine.engine import Engine
from engine.errors import StorageUnavailable
from engine.settings import Settings
from engine.storage.repositories import Storage
from engine.timelines.commands import (
    Delete,
    Edit,
    Join,
    Leave,
    MessagePage,
    Position,
    Post,
    Posted,
    Presence,
    PutMember,
    ReadMembers,
    RemoveMember,
    RoomChanges,
    Subscribe,
    Subscribed,
    UpdateRoom,
)
from engine.timelines.directory import NewRoom
from engine.timelines.fanout import ClientInfo, Ending, Publication
from engine.timelines.room import RoomActor
from tests.storage.made import a_user

Perform = Callable[[], Awaitable[Any]]
_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


if TYPE_CHECKING:
    _Storage = Any  # has every member; Storage itself would make its members abstract ones
else:
    _Storage = object


class Interposed(_Storage):  # type: ignore[misc]
    """A storage with `meddle` between it and the engine: it gets the operation's name and performs it, or not."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.meddle: Callable[[str, Perform], Awaitable[Any]] = _leave_alone

    def __getattr__(self, name: str) -> Any:
        repository = getattr(self._storage, name)
        return repository if name in {"users", "tokens"} else _Repository(self, repository)

    async def ping(self) -> None:
        await self._storage.ping()

    async def checkpoint(self) -> int:
        return await self._storage.checkpoint()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def watched(storage: Interposed) -> list[str]:
    """What the database is asked, from now on."""
    operations: list[str] = []

    async def watch(name: str, perform: Perform) -> object:
        operations.append(name)
        return await perform()

    storage.meddle = watch
    return operations


async def _leave_alone(_name: str, perform: Perform) -> Any:
    return await perform()


class _Repository:
    def __init__(self, storage: Interposed, repository: object) -> None:
        self._storage = storage
        self._repository = repository

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: object, **kwargs: object) -> Any:
            async def perform() -> Any:
                return await getattr(self._repository, name)(*args, **kwargs)

            return await self._storage.meddle(name, perform)

        return call


class Listener:
    """A sink that keeps everything in the order in which it came."""

    def __init__(self) -> None:
        self.publications: list[Publication] = []
        self.endings: list[Ending] = []
        self.came: list[str] = []
        self.went: list[str] = []
        self.heard: list[str] = []
        """What happened, one word each: an offset, or an ending."""

    def deliver(self, publication: Publication) -> None:
        self.publications.append(publication)
        self.heard.append(str(publication.offset))

    def joined(self, channel: str, info: ClientInfo) -> None:
        self.came.append(info.client)

    def left(self, channel: str, info: ClientInfo) -> None:
        self.went.append(info.client)

    def end(self, channel: str, ending: Ending) -> None:
        self.endings.append(ending)
        self.heard.append(ending.value)

    @property
    def offsets(self) -> list[int]:
        return [each.offset for each in self.publications if each.offset is not None]

    @property
    def events(self) -> list[Event]:
        return decoded(self.publications)


def decoded(publications: list[Publication] | tuple[Publication, ...]) -> list[Event]:
    return [_EVENTS.decode(each.data) for each in publications]


class Place:
    """One room of one engine, and everything that people do in it."""

    def __init__(self, engine: Engine, room_id: TimelineId) -> None:
        self.engine = engine
        self.id = room_id

    @property
    def ref(self) -> Ref[RoomActor]:
        return self.engine.timelines.room(self.id)

    async def post(
        self,
        by: Principal,
        text: str = "hello",
        client_id: str | None = None,
        *,
        reply_to: MessageId | None = None,
        language: str | None = None,
    ) -> Posted:
        draft = Draft(text=text, client_id=client_id, reply_to=reply_to, language=language)
        return await self.ref.ask(Post(by, draft))

    async def say(self, by: Principal, *texts: str) -> list[Message]:
        return [(await self.post(by, text)).message for text in texts]

    async def edit(self, by: Principal, message: Message, text: str) -> Message:
        return await self.ref.ask(Edit(by, message.id, text))

    async def delete(self, by: Principal, message: Message) -> Message:
        return await self.ref.ask(Delete(by, message.id))

    async def join(self, by: Principal) -> Member:
        return await self.ref.ask(Join(by))

    async def leave(self, by: Principal) -> None:
        await self.ref.ask(Leave(by))

    async def put(self, by: Principal, person: Participant, role: Role = Role.MEMBER) -> Member:
        return await self.ref.ask(PutMember(by, person, role))

    async def remove(self, by: Principal, person: Participant) -> None:
        await self.ref.ask(RemoveMember(by, person.id))

    async def change(self, by: Principal, **changes: Any) -> Room:
        return await self.ref.ask(UpdateRoom(by, RoomChanges(**changes)))

    async def members(self, by: Principal) -> dict[str, Role]:
        found: list[Presence] = await self.ref.ask(ReadMembers(by))
        return {each.member.participant.name: each.member.role for each in found}

    async def page(
        self, by: Principal, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> MessagePage:
        return await self.engine.timelines.messages(self.ref, by, before=before, after=after, limit=limit)

    async def events(self, by: Principal, *, since: int = 0, limit: int = 1000) -> list[Event]:
        window = await self.engine.timelines.events(self.ref, by, since=since, limit=limit)
        assert window.missing_after is None
        return decoded(window.publications)

    async def listen(
        self, by: Principal, *, since: Position | None = None, client: str | None = None
    ) -> tuple[Listener, Subscribed]:
        listener = Listener()
        info = ClientInfo(client or f"{by.participant.name}'s", by.id)
        subscribed = await self.engine.timelines.subscribe(self.ref, Subscribe(by, info, listener, since))
        return listener, subscribed


@lru_cache
def settings(**changes: Any) -> Settings:
    """Made once for the same changes: looking through the environment for each of them takes longer than an engine to start."""
    return Settings(secret_key="a key for tests only", argon2_memory_kib=8, argon2_parallelism=1, **changes)


@asynccontextmanager
async def running(storage: Storage, **changes: Any) -> AsyncIterator[Engine]:
    """An engine on a storage that is open already; several on one storage are several processes."""
    async with Engine.open(settings(**changes), storage=storage, seed=0) as engine:
        yield engine


async def person(storage: Storage, name: str, *, admin: bool = False) -> Principal:
    user = a_user(name)
    assert await storage.users.add(user, "hash", "epoch") is None
    return Principal(user.participant, admin=admin)


async def a_place(engine: Engine, owner: Principal, *members: Principal, **fields: Any) -> Place:
    room = await engine.timelines.create_room(owner, NewRoom(**({"name": "Lobby"} | fields)))
    place = Place(engine, room.id)
    for member in members:
        if room.visibility is Visibility.PUBLIC:
            await place.join(member)
        else:
            await place.put(owner, member.participant)
    return place


async def unavailable(_name: str, _perform: Perform) -> Any:
    """Meddles: the database is away."""
    raise StorageUnavailable("the database is away")
