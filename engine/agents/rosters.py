"""Which agents are where: kept by the feed, so that a timeline without agents costs a look-up in a dictionary."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Protocol

from engine.domain.agents import AgentMembership
from engine.domain.events import MemberJoined, MemberLeft, MemberRemoved, MessagePosted
from engine.domain.fields import ParticipantId, ParticipantKind, TimelineId, TimelineKind
from engine.domain.messages import Message
from engine.timelines.feed import News

_NOBODY: Final[Mapping[ParticipantId, datetime]] = {}


class Listener(Protocol):
    """Who wants to know what is said where agents are. Called inside the timeline's turn: returns at once, never raises."""

    def said(self, channel: str, messages: tuple[Message, ...]) -> None:
        """Messages were posted where there are agents."""
        ...

    def gone(self, channel: str, agent_id: ParticipantId) -> None:
        """An agent is no member any more."""
        ...

    def expected(self, channel: str) -> None:
        """Somebody listens where there are agents: something may be said soon."""
        ...


class Rosters:
    """The agents of each timeline in the order in which they joined, and when they did.

    A timeline is looked through when it is heard of for the first time since it woke, and then followed event by event.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._agents: dict[TimelineId, dict[ParticipantId, datetime]] = {}
        self._seen: dict[TimelineId, int] = {}
        """By which object each timeline is known: a timeline that wakes again has other members, in another one."""

    def of(self, timeline_id: TimelineId) -> Mapping[ParticipantId, datetime]:
        """The agents of a timeline."""
        return self._agents.get(timeline_id, _NOBODY)

    def learn(self, memberships: Iterable[AgentMembership]) -> None:
        """Take in what the database has, of timelines that this process has not heard itself."""
        found: dict[TimelineId, dict[ParticipantId, datetime]] = {}
        for each in memberships:
            if each.timeline_id not in self._seen:
                found.setdefault(each.timeline_id, {})[each.agent_id] = each.joined_at
        self._agents |= found

    def hear(self, news: News) -> None:
        """A timeline has committed something. For `Feed.watch`."""
        if news.kind is TimelineKind.USER:
            return
        if self._seen.get(news.timeline_id) != id(news.members):
            self._look_through(news)
        else:
            self._follow(news)
        if news.timeline_id in self._agents:
            said = tuple(each.message for each in news.events if isinstance(each, MessagePosted))
            if said:
                self._listener.said(news.channel, said)

    def greet(self, channel: str, timeline_id: TimelineId) -> None:
        """Somebody has come. For `Feed.greet`."""
        if timeline_id in self._agents:
            self._listener.expected(channel)

    def _look_through(self, news: News) -> None:
        self._seen[news.timeline_id] = id(news.members)
        agents = {
            each: member.joined_at
            for each, member in news.members.items()
            if member.participant.kind is ParticipantKind.AGENT
        }
        if agents:
            self._agents[news.timeline_id] = agents
        else:
            self._agents.pop(news.timeline_id, None)

    def _follow(self, news: News) -> None:
        for event in news.events:
            match event:
                case MemberJoined(member=member) if member.participant.kind is ParticipantKind.AGENT:
                    self._agents.setdefault(news.timeline_id, {})[member.participant.id] = member.joined_at
                case MemberLeft(participant_id=gone) | MemberRemoved(participant_id=gone):
                    self._remove(news, gone)
                case _:
                    pass

    def _remove(self, news: News, gone: ParticipantId) -> None:
        agents = self._agents.get(news.timeline_id)
        if agents is not None and agents.pop(gone, None) is not None:
            self._listener.gone(news.channel, gone)
            if not agents:
                del self._agents[news.timeline_id]
