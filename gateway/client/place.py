"""One timeline where an agent outside is a member: which messages it answers, one after the other."""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import msgspec

from engine.agents.policies import wants
from engine.domain.agents import AgentDefinition
from engine.domain.answers import StopReason
from engine.domain.fields import MessageId, ParticipantId, TimelineKind
from engine.domain.messages import Message
from gateway.client.speech import Speech

RECENT: Final = timedelta(minutes=5)
"""How old a message may be that an agent answers which was away."""
WAITING: Final = 64
"""Messages that wait for an answer at most; further ones get none."""
REMEMBERED: Final = 256
_INTERRUPTIONS: Final = {StopReason.STOPPING, StopReason.DISCONNECTED}


class Place:
    """What is said comes in by `consider`; `run` answers it. `begin` makes an answer to a message."""

    def __init__(self, channel: str, agent: AgentDefinition, begin: Callable[["Place", Message], Speech]) -> None:
        self.channel = channel
        self.title: str | None = None
        self.language: str | None = None
        self.seen = 0
        """The offset of the last message that was considered."""
        self.scope = anyio.CancelScope()
        self._begin = begin
        self.learn(agent)
        self._waiting: deque[Message] = deque()
        self._more = anyio.Event()
        self._own: dict[MessageId, None] = {}
        self._speech: Speech | None = None
        self._held: list[Message] | None = []
        """What is said while it is looked up what was said before; None when that is known."""

    def learn(self, agent: AgentDefinition) -> None:
        """This is what is said of the agent."""
        self._agent = agent
        self._policy = agent.policy(TimelineKind(self.channel.partition(":")[0]))

    def subscribed(self, data: Any, *, missed: bool) -> bool:
        """Take in what the answer to the subscription says of the timeline; whether `catch_up` is to follow."""
        if missed and self._held is None:
            self._held = []
        about = (data or {}).get("room") or (data or {}).get("conversation") or {}
        self.title = about.get("name") or about.get("title")
        self.language = about.get("language")
        return self._held is not None

    def catch_up(self, newest_first: Iterable[Message]) -> None:
        """Consider what was said while nobody listened, as far as it is recent and has no answer yet."""
        said = sorted((each for each in newest_first if each.offset > self.seen), key=lambda each: each.offset)
        answered = {each.reply_to for each in said if each.author.id == self._agent.id}
        oldest = datetime.now(UTC) - RECENT
        for message in said:
            self.consider(message, answer=message.created_at >= oldest and message.id not in answered)
        held, self._held = self._held or [], None
        for message in held:
            self.consider(message)

    def hear(self, event: dict[str, Any]) -> None:
        """Take in an event of the timeline."""
        match event.get("type"):
            case "message.posted":
                message = msgspec.convert(event["message"], Message)
                if self._held is None:
                    self.consider(message)
                else:
                    self._held.append(message)
            case "message.edited":
                edited = msgspec.convert(event["message"], Message)
                self._waiting = deque(edited if each.id == edited.id else each for each in self._waiting)
            case "message.deleted":
                deleted = event["message"]["id"]
                self._waiting = deque(each for each in self._waiting if each.id != deleted)
            case "answer.cancelled" | "answer.failed" if self._speech is not None:
                if event["answer_id"] == self._speech.id and not _is_interrupted(event):
                    self._speech.stop()
            case _:
                pass

    def reconnected(self) -> None:
        """The connection stands again: let the server know that what is being said goes on."""
        if self._speech is not None:
            self._speech.reconnected()

    def consider(self, message: Message, *, answer: bool = True) -> None:
        """Let a message wait for its answer, if it is to have one."""
        if message.offset <= self.seen:
            return
        self.seen = message.offset
        if message.author.id == self._agent.id:
            self._own[message.id] = None
            while len(self._own) > REMEMBERED:
                del self._own[next(iter(self._own))]
            return
        replied: ParticipantId | None = self._agent.id if message.reply_to in self._own else None
        if answer and wants(self._policy, message, self._agent, replied) and len(self._waiting) < WAITING:
            self._waiting.append(message)
            self._more.set()

    async def run(self) -> None:
        """Answer what waits, until the timeline is left."""
        with self.scope:
            while True:
                while not self._waiting:
                    self._more = anyio.Event()
                    await self._more.wait()
                question = self._waiting.popleft()
                self._speech = self._begin(self, question)
                await self._speech.run()
                self._speech = None


def _is_interrupted(event: dict[str, Any]) -> bool:
    """Whether an answer has failed by nobody's wish and nothing of it is kept: then it is begun again, as one inside would be."""
    return event.get("code") in _INTERRUPTIONS and "text" not in event
