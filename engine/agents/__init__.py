"""Agents: participants that programs speak for.

An administrator defines one (`definitions`), its model says what speaks for it (`registry`), and whoever writes one writes `Agent`:
one async generator over a `Turn`. `models/` streams what chat models answer; `langchain.py` is the way to the providers.
"""

from engine.agents.agent import Agent
from engine.agents.agents import Agents
from engine.agents.start import start_agents
from engine.agents.tools import tool
from engine.agents.turn import Turn

__all__ = ["Agent", "Agents", "Turn", "start_agents", "tool"]
