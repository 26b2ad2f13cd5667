"""An agent outside, whole: all its timelines over one connection that makes itself again.

anyio.run(serve, "https://chat.example.org", key, Greeter)
"""

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from math import inf
from typing import Final

import anyio
import msgspec
import structlog
from anyio.abc import TaskGroup
from yarl import URL

from engine.agents.agent import Agent
from engine.agents.toolbox import Toolbox
from engine.agents.tools import BUILT_IN
from engine.agents.turn import Turn
from engine.domain.agents import AgentDefinition
from engine.domain.messages import Message
from engine.domain.rooms import Member
from engine.errors import EngineError, Forbidden
from gateway.client.asking import RETRY, Asking
from gateway.client.connection import (
    CallFailed,
    Connected,
    Connection,
    Ended,
    Event,
    Signal,
    Subscribed,
    Unsubscribed,
)
from gateway.client.elsewhere import Elsewhere
from gateway.client.notebook import NotebookElsewhere
from gateway.client.place import Place
from gateway.client.remote import Refused, Remote, SignedOut, Unreachable, address
from gateway.client.speech import Make, Speech

_CAUGHT_UP: Final = 50

log = structlog.get_logger(__name__)


class Dismissed(Exception):
    """The server wants nothing of this program any more: its key was revoked, or its agent removed."""


async def serve(server: str, api_key: str, make: Make) -> None:
    """Speak for an agent until cancelled. `make` is called once for each timeline: usually the `Agent` class.

    Needs asyncio, as the Centrifuge client does. Raises `Refused` when the key is none of an agent's, `Unreachable` when nobody
    answers at the start, and `Dismissed`. Whatever ends the connection later, it is made again.
    """
    url = address(server)
    async with Remote(url, api_key) as remote:
        agent, timelines = await _read_own(remote)
        await _Program(remote, _Key(url, api_key), agent, make).run(timelines)


async def _read_own(remote: Remote) -> tuple[AgentDefinition, list[str]]:
    """The agent that the key speaks for, and where it is a member."""
    own = await remote.call("GET", "/me/agent")
    return msgspec.convert(own["agent"], AgentDefinition), own["timelines"]


class _Key:
    """See `Credentials`: an API key has no successor."""

    def __init__(self, server: URL, api_key: str) -> None:
        self.server = server
        self.access_token = api_key

    async def renewed(self, rejected: str) -> str:
        del rejected
        raise SignedOut(401, "unauthenticated", "the API key is not accepted any more")


class _Program:
    def __init__(self, remote: Remote, key: _Key, agent: AgentDefinition, make: Make) -> None:
        self._remote = remote
        self._agent = agent
        self._make = make
        self._send, self._signals = anyio.create_memory_object_stream[Signal](inf)
        self._connection = Connection(key, self._send.send_nowait, name="gathering-agent")
        self._places: dict[str, Place] = {}

    async def run(self, channels: list[str]) -> None:
        with self._send, self._signals:
            try:
                async with anyio.create_task_group() as tasks:
                    await self._connection.connect()
                    for channel in channels:
                        await self._follow(channel, tasks)
                    ended = await self._listen(tasks)
                    tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                    await self._connection.close()
        raise Dismissed(ended)

    async def _listen(self, tasks: TaskGroup) -> str:
        """Hear what happens, until the connection is over for good: why."""
        async for signal in self._signals:
            match signal:
                case Subscribed(channel=channel, missed=missed, data=data) if channel in self._places:
                    place = self._places[channel]
                    if place.subscribed(data, missed=missed):
                        tasks.start_soon(self._catch_up, place)
                case Event(channel=channel, data=data) if channel in self._places:
                    self._places[channel].hear(data)
                case Event(data={"type": "invited", "kind": kind, "timeline_id": timeline_id}):
                    await self._follow(f"{kind}:{timeline_id}", tasks)
                case Unsubscribed(channel=channel) if channel in self._places:
                    self._places.pop(channel).scope.cancel()
                    await self._connection.unsubscribe(channel)
                case Connected():
                    for place in self._places.values():
                        place.reconnected()
                case Ended(reason=reason):
                    return reason
                case _:
                    pass
        return "closed"

    async def _follow(self, channel: str, tasks: TaskGroup) -> None:
        if channel not in self._places:
            place = self._places[channel] = Place(channel, self._agent, partial(self.begin, self._make()))
            tasks.start_soon(place.run)
            await self._connection.subscribe(channel)

    async def _catch_up(self, place: Place) -> None:
        """Look up what was said before; waits for a server that is away."""
        said: list[Message] = []
        try:
            said = await Asking(self._remote, place.channel).page(limit=_CAUGHT_UP)
        except EngineError as refusal:
            log.warning("agent.not_caught_up", timeline=place.channel, reason=str(refusal))
        place.catch_up(said)

    def begin(self, mind: Agent, place: Place, question: Message) -> Speech:
        """An answer to a message."""
        asking, look = Asking(self._remote, place.channel), partial(self._look, place)
        return Speech(self._connection, asking, question, by=self._agent.id, mind=mind, look=look)

    async def _look(self, place: Place, speech: Speech) -> Turn:
        """Everything that the agent is given for an answer which has begun."""
        agent, members = await self._learn(), await self._members(place)
        # As it stands now: it may have been edited while it waited for this turn.
        question = await speech.asking.message(speech.question.id)
        here = Elsewhere(speech.asking, question, members)
        notebook = NotebookElsewhere(speech.asking, speech.id, speech.renew)
        turn = Turn(
            agent=agent,
            message=question,
            history=await here.history(agent.id),
            here=here,
            now=datetime.now(UTC),
            channel=place.channel,
            title=place.title,
            members=members,
            language=agent.language or question.language or place.language,
            memories=await notebook.recall() if speech.mind.remembers else (),
            documents=await notebook.consult() if speech.mind.remembers else (),
            notebook=notebook,
        )
        tools = [BUILT_IN[name] for name in agent.tools if name in BUILT_IN]
        turn.tools = Toolbox({each.name: (each.spec, partial(each.run, turn)) for each in tools}, speech.show)
        return turn

    async def _learn(self) -> AgentDefinition:
        """The agent as administrators have it now; its policies hold from the next message on."""
        with suppress(Refused, Unreachable):
            self._agent, _ = await _read_own(self._remote)
            for place in self._places.values():
                place.learn(self._agent)
        return self._agent

    async def _members(self, place: Place) -> tuple[Member, ...]:
        while True:
            try:
                items = (await self._connection.call("members", {"timeline": place.channel}))["items"]
            except CallFailed as failed:
                if failed.final:
                    raise Forbidden(str(failed)) from failed
                log.info("agent.waits", timeline=place.channel, reason=str(failed))
                await anyio.sleep(RETRY)
            else:
                return tuple(msgspec.convert(items, list[Member]))
