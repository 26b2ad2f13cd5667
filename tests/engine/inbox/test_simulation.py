"""Counts under hundreds of schedules: whatever people do at the same time, they are those of a model that reads the log.

Three people post, answer, edit, delete, read, leave and come back in two rooms, on a database that is slow and fails before and
after commits; half-way the server is started anew.
"""

from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime
from random import Random

import anyio
import pytest

from actors import AskFailed
from actors.testing import BACKENDS, Simulation, explore
from engine.domain.events import Event, MemberJoined, MemberLeft, MessageDeleted, MessageEdited, MessagePosted
from engine.domain.fields import ParticipantId, TimelineId
from engine.domain.inbox import NotificationKind
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Conflict, Forbidden, InvalidRequest, StorageUnavailable
from engine.storage.memory import MemoryStorage, State
from tests.engine.inbox.reading import Device, a_device
from tests.engine.timelines.acting import Interposed, Place, a_place, person, running
from tests.engine.timelines.test_simulation import Weather

NAMES = ("Ada", "Ben", "Cleo")
TEXTS = ("hello", "hello", "@Ada", "@Ben and @Cleo", "@room", "@room and @Ada")
ACTIONS = 12
SETTLED = 10.0

Key = tuple[TimelineId, ParticipantId]
Told = tuple[ParticipantId, str, NotificationKind]


class World:
    """What people have done, and been answered."""

    def __init__(self, simulation: Simulation[None]) -> None:
        self.random = simulation.random
        self.state = State()
        self.weather = Weather(simulation.random)
        self.people: list[Principal] = []
        self.rooms: list[TimelineId] = []
        self.acknowledged: Counter[Key] = Counter()
        self.tried: Counter[Key] = Counter()
        self.done: Counter[str] = Counter()

    def storage(self) -> Interposed:
        storage = Interposed(MemoryStorage(self.state))
        storage.meddle = self.weather.meddle
        return storage

    async def act(self, engine: Engine, by: Principal, random: Random) -> None:
        """Do this and that."""
        for _ in range(ACTIONS):
            place = Place(engine, random.choice(self.rooms))
            action = random.choices(("say", "read", "change", "come"), weights=(6, 5, 3, 1))[0]
            try:
                await getattr(self, f"_{action}")(place, by, random)
                self.done[action] += 1
            except (StorageUnavailable, AskFailed, Forbidden, Conflict):
                self.done["refused"] += 1
            await anyio.sleep(random.random() * random.randrange(3))

    async def _say(self, place: Place, by: Principal, random: Random) -> None:
        recent = await self._recent(place, by)
        reply_to = random.choice(recent).id if recent and random.random() < 0.3 else None
        await place.post(by, random.choice(TEXTS), reply_to=reply_to)

    async def _read(self, place: Place, by: Principal, random: Random) -> None:
        key, offset = (place.id, by.id), random.randrange(60)
        self.tried[key] = max(self.tried[key], offset)
        try:
            marker = await place.engine.inbox.read(place.ref, by, offset)
        except InvalidRequest:  # there are not so many events
            return
        assert marker.last_read_offset >= offset
        self.acknowledged[key] = max(self.acknowledged[key], marker.last_read_offset)

    async def _change(self, place: Place, by: Principal, random: Random) -> None:
        mine = [each for each in await self._recent(place, by) if each.author.id == by.id and each.deleted_at is None]
        if not mine:
            return
        message = random.choice(mine)
        if random.random() < 0.5:
            await place.edit(by, message, random.choice(TEXTS))
        else:
            await place.delete(by, message)

    async def _come(self, place: Place, by: Principal, random: Random) -> None:
        if by is not self.people[0]:  # who owns the rooms stays
            await place.leave(by)
            await anyio.sleep(random.random())
        await place.join(by)

    async def _recent(self, place: Place, by: Principal) -> list[Message]:
        return (await place.page(by)).items


class Model:
    """What a room's log says, read from its beginning."""

    def __init__(self, events: list[Event]) -> None:
        self.head = events[-1].offset
        self.joined: dict[ParticipantId, int] = {}
        self.messages: dict[str, Message] = {}
        self.told: set[Told] = set()
        self._lost: dict[Told, datetime] = {}
        """Of whom was no member then, and when: who is (again) in the same write is told."""
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        match event:
            case MemberJoined(member=member):
                self.joined[member.participant.id] = event.offset
                self.told |= {
                    key for key, at in self._lost.items() if key[0] == member.participant.id and at == event.at
                }
            case MemberLeft(participant_id=gone):
                del self.joined[gone]
                lost = {key for key in self.told if key[0] == gone}
                self.told -= lost
                self._lost |= {key: self.messages[key[1]].created_at for key in lost}
            case MessagePosted(message=message):
                self._post(message)
            case MessageEdited(message=message) | MessageDeleted(message=message):
                self.messages[message.id] = message
            case _:
                pass

    def _post(self, message: Message) -> None:
        self.messages[message.id] = message
        named = {each for each in message.mentions if each != message.author.id}
        for each in named:
            self._tell(message, each, NotificationKind.MENTION)
        if message.reply_to is not None:
            answered = self.messages[message.reply_to].author.id
            if answered not in named and answered != message.author.id:
                self._tell(message, answered, NotificationKind.REPLY)

    def _tell(self, message: Message, who: ParticipantId, kind: NotificationKind) -> None:
        if who in self.joined:
            self.told.add((who, message.id, kind))
        else:
            self._lost[who, message.id, kind] = message.created_at

    def count(self, who: ParticipantId, marker: int) -> tuple[int, int]:
        """Unread and mentions above a marker."""
        unread = [
            each
            for each in self.messages.values()
            if each.offset > marker and each.author.id != who and each.deleted_at is None
        ]
        return len(unread), sum(who in each.mentions or each.mentions_all is True for each in unread)


async def scenario(simulation: Simulation[None]) -> None:
    world = World(simulation)
    calm = MemoryStorage(world.state)
    world.people = [await person(calm, name) for name in NAMES]
    async with running(calm) as engine:
        world.rooms = [(await a_place(engine, *world.people)).id for _ in range(2)]
    recent_events = simulation.random.choice([3, 10, 1000])
    for _ in range(2):  # the second time it is a server that was started anew
        async with AsyncExitStack() as stack:
            world.weather.calm = True
            engine = await stack.enter_async_context(running(world.storage(), recent_events=recent_events))
            devices = [await a_device(engine, each) for each in world.people]
            world.weather.calm = False
            async with anyio.create_task_group() as acting:
                for each in world.people * 2:
                    acting.start_soon(world.act, engine, each, Random(simulation.random.random()))
            world.weather.calm = True
            await anyio.sleep(SETTLED)
            for room in world.rooms:
                await Place(engine, room).post(world.people[0], "good night")
            await anyio.sleep(SETTLED)
            for room in world.rooms:
                await check(world, engine, room, devices)
    assert world.done["say"] > 0
    assert world.done["read"] > 0


async def check(world: World, engine: Engine, room: TimelineId, devices: list[Device]) -> None:
    calm = MemoryStorage(world.state)
    model = Model(await calm.log.events(room, after=0, limit=100_000))
    for who, device in zip(world.people, devices, strict=True):
        found = {each.timeline_id: each for each in await engine.inbox.unread(who, limit=100)}
        if who.id not in model.joined:
            assert room not in found
            continue
        unread, key, joined = found[room], (room, who.id), model.joined[who.id]
        lowest, highest = max(joined, world.acknowledged[key]), max(joined, world.tried[key])
        assert lowest <= unread.last_read_offset <= min(highest, model.head), "the marker is where nobody has put it"
        assert (unread.unread, unread.mentions) == model.count(who.id, unread.last_read_offset), "a count is wrong"
        told = [each for each in device.of_type("unread") if each["timeline_id"] == room]
        last = [(each["unread"], each["mentions"], each["last_read_offset"]) for each in told[-1:]]
        here = (unread.unread, unread.mentions, unread.last_read_offset)
        assert last == [here] or (not last and unread.unread == 0), "someone was told a wrong count last"
    await check_notifications(calm, room, model)


async def check_notifications(calm: MemoryStorage, room: TimelineId, model: Model) -> None:
    stored: set[Told] = set()
    for who, theirs in calm.state.notifications.items():
        for each in theirs.values():
            if each.timeline_id == room and not each.everyone:
                assert each.message_id is not None
                stored.add((who, each.message_id, each.kind))
    assert stored == model.told, "a notification is missing, or one too many is there"


@pytest.mark.parametrize("backend", BACKENDS)
def test_counts_and_notifications_are_exact_whatever_happens_at_the_same_time(backend: str):
    explore(scenario, seeds=range(25), backends=[backend])
