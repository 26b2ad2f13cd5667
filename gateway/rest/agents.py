"""Agents: what administrators say of them, and where others bring them in."""

from typing import Final

import msgspec

from actors import Ref
from engine.domain.agents import AgentChanges, AgentDefinition, NewAgent, Policy
from engine.domain.fields import ParticipantId, ParticipantKind, TimelineId
from engine.domain.people import Principal
from engine.domain.rooms import Member
from engine.engine import Engine
from engine.errors import NotFound
from engine.storage.records import search_key
from engine.timelines.commands import ConversationView, ReadMembers
from engine.timelines.shared import SharedTimeline
from gateway.rest.endpoints import Access, Endpoint, delete, get, patch, post, put
from gateway.rest.pages import Page, PageQuery, page
from gateway.rest.shared import shared


class Farewell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the agent is to say goodbye; when it is not said, it does if it has words of its own for it."""

    goodbye: bool | None = None


class AgentOffered(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as those see it who may bring it in: what speaks for it, when it speaks, and whether it is `here` already."""

    id: ParticipantId
    kind: ParticipantKind
    name: str
    display_name: str | None
    model: str
    tools: list[str]
    room_policy: Policy
    conversation_policy: Policy
    language: str | None
    here: bool


class OwnAgent(msgspec.Struct, frozen=True, kw_only=True):
    """The agent that an API key speaks for, and the timelines where it is a member: `room:<id>`, `conversation:<id>`."""

    agent: AgentDefinition
    timelines: list[str]


async def read_own_agent(engine: Engine, by: Principal) -> OwnAgent:
    """What a program needs to know that speaks for an agent: who it is, and where."""
    if by.participant.kind is not ParticipantKind.AGENT:
        raise NotFound("this is for the API keys of agents")
    memberships = await engine.storage.agents.memberships(by.id)
    return OwnAgent(
        agent=await engine.agents.read(by.id), timelines=[f"{each.kind}:{each.timeline_id}" for each in memberships]
    )


async def create_agent(engine: Engine, by: Principal, body: NewAgent) -> AgentDefinition:
    """Define an agent. It is nowhere yet: put it into rooms, or begin a conversation with it."""
    return await engine.agents.create(by, body)


async def list_agents(engine: Engine, query: PageQuery) -> Page[AgentDefinition]:
    """The agents; `query` is a part of the name."""
    rows = await _named(engine, query)
    return page(rows[: query.limit + 1], query.limit, lambda agent: agent.id)


async def read_agent(engine: Engine, agent_id: ParticipantId) -> AgentDefinition:
    """One agent."""
    return await engine.agents.read(agent_id)


async def change_agent(engine: Engine, agent_id: ParticipantId, body: AgentChanges) -> AgentDefinition:
    """Change an agent; null clears what may be empty. It stays where it is, and its next answer is by the new words."""
    return await engine.agents.change(agent_id, body)


async def remove_agent(engine: Engine, agent_id: ParticipantId) -> None:
    """Remove an agent. It leaves its rooms and conversations; what it has said stays, with its name."""
    await engine.agents.remove(agent_id)


async def add_agent_to_room(engine: Engine, by: Principal, room_id: TimelineId, agent_id: ParticipantId) -> Member:
    """Bring an agent into a room: for its owners and moderators. One that is there already stays as it is."""
    return await engine.agents.join_room(by, room_id, agent_id)


async def remove_agent_from_room(
    engine: Engine, by: Principal, room_id: TimelineId, agent_id: ParticipantId, query: Farewell
) -> None:
    """Send an agent away from a room: for its owners and moderators. An answer that it is giving ends."""
    await engine.agents.leave_room(by, room_id, agent_id, goodbye=query.goodbye)


async def add_agent_to_conversation(
    engine: Engine, by: Principal, conversation_id: TimelineId, agent_id: ParticipantId
) -> ConversationView:
    """Bring an agent into a group that one takes part in; being there already is fine."""
    return await engine.agents.join_conversation(by, conversation_id, agent_id)


async def remove_agent_from_conversation(
    engine: Engine, by: Principal, conversation_id: TimelineId, agent_id: ParticipantId, query: Farewell
) -> None:
    """Send an agent away from a conversation that one takes part in. An answer that it is giving ends."""
    await engine.agents.leave_conversation(by, conversation_id, agent_id, goodbye=query.goodbye)


async def list_agents_offered(
    engine: Engine, by: Principal, timeline: Ref[SharedTimeline], query: PageQuery
) -> Page[AgentOffered]:
    """The agents that there are, and which of them take part here: for its members. `query` is a part of the name."""
    members = {each.member.participant.id for each in await timeline.ask(ReadMembers(by))}
    rows = await _named(engine, query)
    return page(
        [
            AgentOffered(
                id=agent.id,
                kind=ParticipantKind.AGENT,
                name=agent.name,
                display_name=agent.display_name,
                model=agent.model,
                tools=agent.tools,
                room_policy=agent.room_policy,
                conversation_policy=agent.conversation_policy,
                language=agent.language,
                here=agent.id in members,
            )
            for agent in rows[: query.limit + 1]
        ],
        query.limit,
        lambda agent: agent.id,
    )


async def _named(engine: Engine, query: PageQuery) -> list[AgentDefinition]:
    key = search_key(query.query or "")
    return [
        agent
        for agent in await engine.agents.all()
        if key in search_key(agent.name) and (query.after is None or agent.id > query.after)
    ]


_TAG: Final = "Agents"
_IN_ROOM: Final = "/rooms/{room_id}/agents/{agent_id}"
_IN_CONVERSATION: Final = "/conversations/{conversation_id}/agents/{agent_id}"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/me/agent", read_own_agent, tag=_TAG, problems=("not_found",)),
    post("/agents", create_agent, tag=_TAG, status=201, access=Access.ADMIN, problems=("conflict",)),
    get("/agents", list_agents, tag=_TAG, access=Access.ADMIN),
    get("/agents/{agent_id}", read_agent, tag=_TAG, access=Access.ADMIN),
    patch("/agents/{agent_id}", change_agent, tag=_TAG, access=Access.ADMIN, problems=("conflict",)),
    delete("/agents/{agent_id}", remove_agent, tag=_TAG, access=Access.ADMIN, problems=("conflict",)),
    *shared(get, "/agents", list_agents_offered, tag=_TAG),
    put(_IN_ROOM, add_agent_to_room, tag=_TAG, problems=("forbidden", "conflict", "room_full")),
    delete(_IN_ROOM, remove_agent_from_room, tag=_TAG, problems=("forbidden",)),
    put(_IN_CONVERSATION, add_agent_to_conversation, tag=_TAG, problems=("conflict",)),
    delete(_IN_CONVERSATION, remove_agent_from_conversation, tag=_TAG),
)
