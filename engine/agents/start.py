"""Composes the agents of a process."""

from collections.abc import Iterable

from engine.agents.agents import Agents
from engine.agents.models import Models
from engine.agents.persona import PersonaAgent
from engine.agents.registry import Registry
from engine.clock import Clock
from engine.storage.repositories import Storage
from engine.timelines.directory import Timelines


async def start_agents(
    storage: Storage,
    clock: Clock,
    classes: Iterable[str],
    *,
    timelines: Timelines,
    models: Models | None = None,
) -> Agents:
    """Start them. `classes` are settings as `Registry.load` takes them; without `models` personas fail to answer."""
    registry = Registry({}, lambda: PersonaAgent(models))
    registry.load(classes)
    return Agents(storage, clock, registry, timelines)
