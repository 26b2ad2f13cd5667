"""Agents that say what a test has written for them."""

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
import msgspec

from engine.agents import Agent, Turn, tool
from engine.domain.agents import AgentDefinition, NewAgent, Policy
from engine.domain.answers import AnswerEvent
from engine.domain.fields import ParticipantKind
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from tests.engine.timelines.acting import Place
from tests.engine.timelines.answered import told

Script = Callable[[Turn], AsyncIterator[str]]

SCRIPTS: dict[str, Script] = {}
"""What agents say, by their names; whoever is not in it says the same to everything."""
TURNS: list[Turn] = []
"""Every turn of every agent, in order; cleared for each test."""
CLOSED: list[str] = []
"""The agents whose generators were left before their end."""

SETTING = "scripted=tests.engine.agents.scripted:Scripted,tests.engine.agents.scripted:vote"


class Scripted(Agent):
    """Speaks by `SCRIPTS`."""

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        TURNS.append(turn)
        script = SCRIPTS.get(turn.agent.name, plain)
        ended = False
        try:
            async for piece in script(turn):
                yield piece
            ended = True
        finally:
            if not ended:
                CLOSED.append(turn.agent.name)


@tool(writes=True)
async def vote(turn: Turn, choice: str, weight: int = 1) -> str:
    """Vote for something."""
    return f"{turn.agent.name} votes for {choice} times {weight}"


async def plain(turn: Turn) -> AsyncIterator[str]:
    yield "I am "
    yield turn.agent.name


async def silent(turn: Turn) -> AsyncIterator[str]:
    for text in ("", "  "):
        yield text


async def broken(turn: Turn) -> AsyncIterator[str]:
    yield "well, "
    raise RuntimeError("a secret")


async def hanging(turn: Turn) -> AsyncIterator[str]:
    await anyio.sleep_forever()
    yield "never"


async def stalling(turn: Turn) -> AsyncIterator[str]:
    yield "let me think"
    await anyio.sleep_forever()


async def stubborn(turn: Turn) -> AsyncIterator[str]:
    """Does not heed its cancellation for a long time."""
    with anyio.CancelScope(shield=True):
        await anyio.sleep(900)
    yield "late"


async def endless(turn: Turn) -> AsyncIterator[str]:
    while True:
        yield "and so on "


async def enormous(turn: Turn) -> AsyncIterator[str]:
    yield "x" * 10_000_000


def slowly(*pieces: str, pause: float = 1.0) -> Script:
    async def script(turn: Turn) -> AsyncIterator[str]:
        for piece in pieces:
            await anyio.sleep(pause)
            yield piece

    return script


def counting() -> Script:
    """Says how many messages it was shown, and the last of them."""

    async def script(turn: Turn) -> AsyncIterator[str]:
        yield f"{len(turn.history)}: {turn.history[-1].text}"

    return script


async def agent(
    engine: Engine, by: Principal, name: str = "Ann", policy: Policy = Policy.ALWAYS, **fields: object
) -> AgentDefinition:
    """A scripted agent, nowhere yet."""
    given = {"persona": "", "model": "python:scripted", "room_policy": policy, "conversation_policy": policy} | fields
    return await engine.agents.create(by, NewAgent(name=name, **given))  # type: ignore[arg-type]


async def joined(
    place: Place, by: Principal, name: str = "Ann", policy: Policy = Policy.ALWAYS, **fields: object
) -> AgentDefinition:
    """A scripted agent in a room."""
    made = await agent(place.engine, by, name, policy, **fields)
    await place.engine.agents.join_room(by, place.id, made.id)
    return made


async def said(place: Place, by: Principal) -> list[tuple[str, str]]:
    """Who has said what, oldest first."""
    page = await place.page(by, limit=100)
    return [(each.author.name, each.text) for each in reversed(page.items)]


async def spoken(place: Place, by: Principal) -> list[Message]:
    """The messages of agents, oldest first."""
    page = await place.page(by, limit=100)
    return [each for each in reversed(page.items) if each.author.kind is ParticipantKind.AGENT]


async def until(condition: Callable[[], Awaitable[bool]], limit: float = 60.0) -> None:
    """Wait, in virtual time."""
    with anyio.fail_after(limit):
        while not await condition():
            await anyio.sleep(0.01)


async def quiet(seconds: float = 30.0) -> None:
    """Let everything happen that is going to, in virtual time."""
    await anyio.sleep(seconds)


def events(place_listener: object) -> list[AnswerEvent]:
    """What a listener has heard of answers."""
    return told(place_listener.publications)  # type: ignore[attr-defined]


def kind_of(event: AnswerEvent) -> str:
    """The event's type without its prefix."""
    return str(msgspec.structs.asdict(event) and event.__struct_config__.tag).removeprefix("answer.")
