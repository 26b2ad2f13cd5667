"""Agents: their definitions, how far they have come, what they have spent."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, delete, exists, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.agents import AgentBudgets, AgentDefinition, AgentMembership, AgentPlace, Policy
from engine.domain.fields import ParticipantId, TimelineId, TimelineKind
from engine.errors import Conflict
from engine.storage.records import is_storable, search_key
from engine.storage.sql.database import Database
from engine.storage.sql.names import is_a_persons
from engine.storage.sql.rows import Values, from_participant
from engine.storage.sql.tables import agent_places as places
from engine.storage.sql.tables import agent_usage as usage
from engine.storage.sql.tables import agents, counted_answers, members, messages, participants, timelines
from engine.storage.sql.types import insert_into

_TOOLS = msgspec.json.Decoder(list[str])


class SqlAgents:
    """See `repositories.Agents`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, agent: AgentDefinition) -> bool:
        own = {
            "id": agent.id,
            "kind": TimelineKind.USER.value,
            "term": 0,
            "epoch": agent.id,
            "created_at": agent.created_at,
        }

        async def store(connection: AsyncConnection) -> bool:
            if await is_a_persons(connection, agent.name):
                return False
            await connection.execute(insert(participants), from_participant(agent.participant))
            await connection.execute(insert(timelines), own)
            await connection.execute(insert(agents), _from_agent(agent))
            return True

        try:
            return await self._database.write(store)
        except Conflict:
            return False

    async def get(self, agent_id: ParticipantId) -> AgentDefinition | None:
        if not is_storable(agent_id):
            return None
        row = await self._database.row(_active().where(agents.c.id == agent_id))
        return _to_agent(row) if row else None

    async def all(self) -> list[AgentDefinition]:
        return [_to_agent(row) for row in await self._database.rows(_active().order_by(agents.c.id))]

    async def update(self, agent: AgentDefinition, *, was: AgentDefinition) -> bool:
        values, before = _from_agent(agent), _from_agent(was)
        changed = {column: value for column, value in values.items() if value != before[column]}
        if not changed:
            return True

        async def store(connection: AsyncConnection) -> bool:
            if "name" in changed and await is_a_persons(connection, agent.name):
                return False
            active = (agents.c.id == agent.id) & agents.c.name_key.is_not(None)
            await connection.execute(update(agents).where(active).values(changed))
            if agent.participant.name != was.participant.name:
                name = update(participants).where(participants.c.id == agent.id).values(name=agent.participant.name)
                await connection.execute(name)
            return True

        try:
            return await self._database.write(store)
        except Conflict:
            return False

    async def retire(self, agent_id: ParticipantId) -> bool:
        if not is_storable(agent_id):
            return False

        async def store(connection: AsyncConnection) -> bool:
            active = (agents.c.id == agent_id) & agents.c.name_key.is_not(None)
            return (await connection.execute(update(agents).where(active).values(name_key=None))).rowcount > 0

        return await self._database.write(store)

    async def retired(self) -> list[AgentDefinition]:
        found = select(agents).where(agents.c.name_key.is_(None)).order_by(agents.c.id)
        return [_to_agent(row) for row in await self._database.rows(found)]

    async def erase(self, agent_id: ParticipantId) -> None:
        async def forget(connection: AsyncConnection) -> None:
            await connection.execute(delete(agents).where(agents.c.id == agent_id, agents.c.name_key.is_(None)))

        await self._database.write(forget)

    async def memberships(self, agent_id: ParticipantId | None = None) -> list[AgentMembership]:
        return await self._memberships(true() if agent_id is None else agents.c.id == agent_id)

    async def stirred(self, since: datetime) -> list[AgentMembership]:
        others = messages.alias()
        last = select(func.max(others.c.offset)).where(others.c.timeline_id == members.c.timeline_id)
        newest = messages.c.offset == last.correlate(members).scalar_subquery()
        of_timeline = messages.c.timeline_id == members.c.timeline_id
        recent = exists().where(of_timeline, newest, messages.c.created_at >= since).correlate(members)
        return await self._memberships(recent)

    async def _memberships(self, which: ColumnElement[bool]) -> list[AgentMembership]:
        found = (
            select(agents.c.id, members.c.timeline_id, timelines.c.kind, members.c.joined_at)
            .join_from(agents, members, members.c.participant_id == agents.c.id)
            .join(timelines, timelines.c.id == members.c.timeline_id)
            .where(which)
            .order_by(members.c.joined_at, members.c.timeline_id, agents.c.id)
        )
        return [
            AgentMembership(
                agent_id=row.id, timeline_id=row.timeline_id, kind=TimelineKind(row.kind), joined_at=row.joined_at
            )
            for row in await self._database.rows(found)
        ]

    async def places(self, timeline_id: TimelineId) -> list[AgentPlace]:
        found = select(places).where(places.c.timeline_id == timeline_id).order_by(places.c.agent_id)
        return [AgentPlace(**row._asdict()) for row in await self._database.rows(found)]

    async def keep(self, places: Sequence[AgentPlace]) -> None:
        if places:
            await self._database.write(lambda connection: _keep(connection, places))

    async def take_answer(
        self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str, day: date, budgets: AgentBudgets
    ) -> str | None:
        row = {"agent_id": agent_id, "timeline_id": timeline_id, "answer_id": answer_id, "day": day}

        async def take(connection: AsyncConnection) -> str | None:
            # The agent's row is the lock between two of its answers that begin at once.
            known = select(agents.c.id).where(agents.c.id == agent_id).with_for_update()
            if (await connection.execute(known)).first() is None:
                return None  # it has been erased meanwhile
            counted = select(counted_answers.c.day).where(_counted(agent_id, timeline_id, answer_id))
            if (await connection.execute(counted)).first() is not None:
                return None
            own = await _spent(connection, (usage.c.day == day) & (usage.c.agent_id == agent_id))
            here = await _spent(connection, (usage.c.day == day) & (usage.c.timeline_id == timeline_id))
            used = {"answers": own[0], "tokens": own[1], "room_answers": here[0], "room_tokens": here[1]}
            for name, limit in msgspec.structs.asdict(budgets).items():
                if limit is not None and used[name] >= limit:
                    return name
            await _add(connection, agent_id, timeline_id, day, answers=1)
            await connection.execute(insert(counted_answers), row)
            return None

        return await self._database.write(take)

    async def counted(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> bool:
        found = select(counted_answers.c.day).where(_counted(agent_id, timeline_id, answer_id))
        return await self._database.row(found) is not None

    async def give_back(self, agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> None:
        gone = delete(counted_answers).where(_counted(agent_id, timeline_id, answer_id))

        async def store(connection: AsyncConnection) -> None:
            for day in (await connection.execute(gone.returning(counted_answers.c.day))).scalars().all():
                await _add(connection, agent_id, timeline_id, day, answers=-1)

        await self._database.write(store)

    async def spend(
        self, agent_id: ParticipantId, timeline_id: TimelineId, day: date, *, answers: int = 0, tokens: int = 0
    ) -> None:
        async def store(connection: AsyncConnection) -> None:
            await _add(connection, agent_id, timeline_id, day, answers=answers, tokens=tokens)

        await self._database.write(store)

    async def purge(self, *, before: date) -> int:
        async def forget(connection: AsyncConnection) -> int:
            await connection.execute(delete(counted_answers).where(counted_answers.c.day < before))
            return (await connection.execute(delete(usage).where(usage.c.day < before))).rowcount

        return await self._database.write(forget)


def _counted(agent_id: ParticipantId, timeline_id: TimelineId, answer_id: str) -> ColumnElement[bool]:
    answer = (counted_answers.c.timeline_id == timeline_id) & (counted_answers.c.answer_id == answer_id)
    return (counted_answers.c.agent_id == agent_id) & answer


async def lock(connection: AsyncConnection, agent_id: ParticipantId) -> bool:
    """Whether there is such an agent, not retired. Its row is the lock between two writers that come at once, until they commit."""
    found = _active().where(agents.c.id == agent_id).with_for_update()
    return (await connection.execute(found.with_only_columns(agents.c.id))).first() is not None


def _active() -> Select[Any]:
    return select(agents).where(agents.c.name_key.is_not(None))


async def _keep(connection: AsyncConnection, new: Sequence[AgentPlace]) -> None:
    upsert = insert_into(connection.dialect.name, places)
    upsert = upsert.on_conflict_do_update(
        index_elements=[places.c.timeline_id, places.c.agent_id],
        set_={"cursor": upsert.excluded.cursor, "answered_at": upsert.excluded.answered_at},
        where=places.c.cursor <= upsert.excluded.cursor,
    )
    known = set((await connection.execute(select(agents.c.id))).scalars())  # one may have been erased meanwhile
    rows = [msgspec.structs.asdict(place) for place in new if place.agent_id in known]
    if rows:
        await connection.execute(upsert, rows)


async def _spent(connection: AsyncConnection, which: Any) -> tuple[int, int]:
    sums = select(func.coalesce(func.sum(usage.c.answers), 0), func.coalesce(func.sum(usage.c.tokens), 0))
    answers, tokens = (await connection.execute(sums.where(which))).one()
    return int(answers), int(tokens)


async def _add(
    connection: AsyncConnection,
    agent_id: ParticipantId,
    timeline_id: TimelineId,
    day: date,
    *,
    answers: int = 0,
    tokens: int = 0,
) -> None:
    upsert = insert_into(connection.dialect.name, usage)
    upsert = upsert.on_conflict_do_update(
        index_elements=[usage.c.day, usage.c.agent_id, usage.c.timeline_id],
        set_={
            "answers": usage.c.answers + upsert.excluded.answers,
            "tokens": usage.c.tokens + upsert.excluded.tokens,
        },
    )
    row = {"day": day, "agent_id": agent_id, "timeline_id": timeline_id, "answers": answers, "tokens": tokens}
    if (await connection.execute(select(agents.c.id).where(agents.c.id == agent_id))).first() is not None:
        await connection.execute(upsert, [row])


def _from_agent(agent: AgentDefinition) -> Values:
    return {
        **{name: value for name, value in msgspec.structs.asdict(agent).items() if name != "kind"},
        "name_key": search_key(agent.name),
        "tools": msgspec.json.encode(agent.tools).decode(),
        "room_policy": agent.room_policy.value,
        "conversation_policy": agent.conversation_policy.value,
    }


def _to_agent(row: Row[Any]) -> AgentDefinition:
    values = row._asdict()
    del values["name_key"]
    policies = {name: Policy(values[name]) for name in ("room_policy", "conversation_policy")}
    return AgentDefinition(**{**values, **policies, "tools": _TOOLS.decode(row.tools)})
