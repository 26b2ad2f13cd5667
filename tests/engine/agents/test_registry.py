"""Agents and tools by name, and tools as typed functions."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import pytest

from engine.agents import Agent, Turn, tool
from engine.agents.registry import Registry, Unloadable
from engine.agents.toolbox import Toolbox, ToolFailed
from engine.agents.tools import Tool
from engine.errors import Forbidden, InvalidRequest

pytestmark = pytest.mark.anyio

NUMBER = 3


class Greeter(Agent):
    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        yield "hello"


class Where(msgspec.Struct):
    city: str
    country: str = "DE"


@tool
async def forecast(turn: Turn, where: Where, days: Annotated[int, msgspec.Meta(ge=1, le=7)] = 1) -> dict[str, Any]:
    """The weather to come.

    This is for programmers.
    """
    return {"city": where.city, "days": days, "for": turn}


def a_registry() -> Registry:
    return Registry({"archivist": Greeter}, Agent)


def test_a_model_names_what_speaks() -> None:
    registry = a_registry()
    registry.load([f"hi={__name__}:Greeter", f"{__name__}:Greeter"])

    made = [registry.make(model)() for model in ("archivist", "python:hi", "python:greeter", "openai:gpt-5-mini")]

    assert [type(each) for each in made] == [Greeter, Greeter, Greeter, Agent]


@pytest.mark.parametrize(
    "setting", ["nothing", "no_such_module:Agent", f"{__name__}:Nobody", f"{__name__}:NUMBER", ":x"]
)
def test_what_cannot_be_loaded_is_named(setting: str) -> None:
    with pytest.raises(Unloadable) as refused:
        a_registry().load([setting])

    assert setting.rpartition(":")[2] in str(refused.value)


def test_a_factory_that_makes_no_agent_is_found_out() -> None:
    registry = a_registry()
    registry.add("dict", dict)

    with pytest.raises(Unloadable, match="makes dict"):
        registry.make("python:dict")()


def test_an_unknown_class_or_tool_is_refused_with_its_path() -> None:
    registry = a_registry()

    with pytest.raises(InvalidRequest) as model:
        registry.make("python:nobody")
    with pytest.raises(InvalidRequest) as tools:
        registry.check_tools(["search", "teleport"])

    assert [each.path for each in (*model.value.errors, *tools.value.errors)] == ["model", "tools.1"]


def test_the_schema_of_a_tool_is_that_of_its_signature() -> None:
    assert forecast.spec.description == "The weather to come."
    assert forecast.spec.parameters == {
        "type": "object",
        "properties": {
            "where": {
                "title": "Where",
                "type": "object",
                "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "DE"}},
                "required": ["city"],
            },
            "days": {"type": "integer", "minimum": 1, "maximum": 7, "default": 1},
        },
        "required": ["where"],
        "additionalProperties": False,
    }


def test_a_tool_without_types_is_refused_when_it_is_made() -> None:
    async def untyped(words) -> str:
        return str(words)

    with pytest.raises(TypeError, match="words"):
        Tool(untyped)


async def test_arguments_are_converted_and_checked() -> None:
    turn: Any = "the turn"

    found = await forecast.run(turn, {"where": {"city": "Bonn"}, "days": "3"})

    assert found == {"city": "Bonn", "days": 3, "for": "the turn"}
    for wrong in ({}, {"where": {"city": "Bonn"}, "days": 8}, {"where": {"city": "Bonn"}, "colour": "red"}):
        with pytest.raises(ToolFailed, match="forecast: "):
            await forecast.run(turn, wrong)


async def test_whatever_a_tool_does_its_caller_learns_in_words() -> None:
    async def refused(_arguments: dict[str, Any]) -> object:
        raise Forbidden("you are muted until tomorrow")

    async def broken(_arguments: dict[str, Any]) -> object:
        raise RuntimeError("a secret")

    async def long(_arguments: dict[str, Any]) -> object:
        return "x" * 1_000_000

    shown: list[str] = []
    runs = {"refused": refused, "broken": broken, "long": long}
    box = Toolbox({name: (forecast.spec, run) for name, run in runs.items()}, lambda _name, state: shown.append(state))

    with pytest.raises(ToolFailed, match="muted"):
        await box.call("refused", {})
    with pytest.raises(ToolFailed) as failed:
        await box.call("broken", {})
    text = await box.call("long", {})

    assert "secret" not in str(failed.value)
    assert len(text) < 21_000
    assert shown == ["started", "failed", "started", "failed", "started", "finished"]


def test_starting_without_agents_imports_no_langchain() -> None:
    program = (
        "import sys, json, gateway.app; print(json.dumps([name for name in sys.modules if name.startswith('lang')]))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert json.loads(found.stdout) == []
