"""Demo content: a few people and rooms to look at, the same however often it is asked for."""

from dataclasses import dataclass

import anyio

from engine.accounts.forms import ProfileChanges
from engine.domain.agents import NewAgent, Policy
from engine.domain.messages import Draft
from engine.domain.people import User
from engine.domain.rooms import Room
from engine.engine import Engine
from engine.errors import Conflict, NotFound
from engine.settings import Settings, TranslationProvider
from engine.timelines.commands import Join, Post
from engine.timelines.directory import NewRoom

PASSWORD = "gathering-demo"  # noqa: S105 - printed at the start, for everyone to use


@dataclass(frozen=True, slots=True)
class _Person:
    username: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class _Scene:
    """A room and what is said in it: (username, text), in order. The first speaker owns the room."""

    name: str
    description: str
    language: str
    lines: tuple[tuple[str, str], ...]


_PEOPLE = (
    _Person("ada", "Ada Lovelace", "en"),
    _Person("grace", "Grace Hopper", "en"),
    _Person("linus", "Linus", "fi"),
    _Person("konrad", "Konrad Zuse", "de"),
    _Person("sophie", "Sophie Germain", "fr"),
)
_ADMIN = "ada"

_SCENES = (
    _Scene(
        "Lobby",
        "Where everyone arrives.",
        "en",
        (
            ("ada", "Welcome to Gathering! Say hello, in any language."),
            ("grace", "Hello everyone. I brought a nanosecond: about 30 cm of wire."),
            ("linus", "Hei! Mukava nähdä teitä täällä."),
            ("sophie", "Bonjour à toutes et à tous !"),
        ),
    ),
    _Scene(
        "Werkstatt",
        "Hier wird gebaut und repariert.",
        "de",
        (
            ("konrad", "Willkommen in der Werkstatt. Die Z1 klemmt wieder einmal, im Rechenwerk."),
            ("ada", "Have you looked for a moth yet? It was one when Grace looked."),
            ("konrad", "Keine Motte, nur ein verbogenes Blech. Bis heute Abend läuft sie."),
        ),
    ),
    _Scene(
        "Salon",
        "Conversations libres, de préférence sur les nombres.",
        "fr",
        (
            ("sophie", "Qui a une belle démonstration à partager ?"),
            ("linus", "J'en ai une, mais la marge est trop petite."),
        ),
    ),
)


_ARCHIVIST = NewAgent(
    name="archivist",
    display_name="Archivist",
    persona="Looks things up in what was said here.",
    model="archivist",
    room_policy=Policy.MENTION,
    conversation_policy=Policy.ALWAYS,
    goodbye="What was said stays on record. Goodbye!",
)


def for_show(settings: Settings) -> Settings:
    """The settings of a demo: where nobody is configured to translate, pseudo-localisation shows where translations go."""
    if settings.translation_provider is TranslationProvider.AUTO and settings.deepl_auth_key is None:
        return settings.model_copy(update={"translation_provider": TranslationProvider.PSEUDO})
    return settings


async def furnish(engine: Engine) -> None:
    """Add the demo people and rooms that are not there yet.

    Nothing is touched that is not the demo's own: an account that someone else has under one of these names speaks no lines,
    and a room that someone else made is left as it is. Started again after it was interrupted, it goes on where it was.
    """
    people: dict[str, User] = {}

    async def settle(person: _Person) -> None:
        user = await _settled(engine, person)
        if user is not None:
            people[person.username] = user

    async with anyio.create_task_group() as arrivals:
        for person in _PEOPLE:
            arrivals.start_soon(settle, person)
    async with anyio.create_task_group() as scenes:
        for scene in _SCENES:
            scenes.start_soon(_play, engine, scene, people)
    if _ADMIN in people:
        await _hire(engine, people)


def welcome(url: str) -> list[str]:
    """What to print once the server is up: where to go, and as whom."""
    others = ", ".join(person.username for person in _PEOPLE if person.username != _ADMIN)
    return [
        f"Open {url} in a browser",
        f"Sign in as {_ADMIN} (administrator), {others}: everyone's password is {PASSWORD}",
        f"The archivist answers in every room. In the Werkstatt: @{_ARCHIVIST.name} what did konrad say about the Z1?",
    ]


async def _settled(engine: Engine, person: _Person) -> User | None:
    accounts, email = engine.accounts, f"{person.username}@example.org"
    try:
        user = await accounts.find(person.username)
    except NotFound:
        user = await accounts.create(person.username, email, PASSWORD, admin=person.username == _ADMIN)
        changes = ProfileChanges(display_name=person.name, language=person.language)
        return await accounts.update_profile(user.id, changes)
    return user if user.email == email and user.active else None


async def _play(engine: Engine, scene: _Scene, people: dict[str, User]) -> None:
    lines = [
        (people[username], Draft(text=text, client_id=f"demo-{number}", language=people[username].language))
        for number, (username, text) in enumerate(scene.lines, start=1)
        if username in people
    ]
    owner = people.get(scene.lines[0][0])
    if owner is None:
        return
    room = await _find_room(engine, scene.name)
    if room is None:
        room = await engine.timelines.create_room(
            owner.principal, NewRoom(name=scene.name, description=scene.description, language=scene.language)
        )
    elif room.created_by != owner.id or await _is_played(engine, room, lines):
        return
    ref = engine.timelines.room(room.id)
    for speaker, draft in lines:
        await ref.ask(Join(speaker.principal))
        await ref.ask(Post(speaker.principal, draft))


async def _hire(engine: Engine, people: dict[str, User]) -> None:
    """Have the archivist in the demo's rooms. One that somebody has changed, or sent away since, is left alone."""
    if engine.agents.named(_ARCHIVIST.name) is not None:
        return
    try:
        archivist = await engine.agents.create(people[_ADMIN].principal, _ARCHIVIST)
    except Conflict:
        return  # somebody goes by that name
    for scene in _SCENES:
        room, owner = await _find_room(engine, scene.name), people.get(scene.lines[0][0])
        if room is not None and owner is not None and room.created_by == owner.id:
            await engine.agents.join_room(owner.principal, room.id, archivist.id)


async def _is_played(engine: Engine, room: Room, lines: list[tuple[User, Draft]]) -> bool:
    """Whether the last line was said, and with it all before."""
    speaker, draft = lines[-1]
    return bool(await engine.storage.messages.by_client_ids(room.id, [(speaker.id, draft.client_id or "")]))


async def _find_room(engine: Engine, name: str) -> Room | None:
    for room in await engine.storage.rooms.search(None, query=name, limit=100):
        if room.name == name:
            return room
    return None
