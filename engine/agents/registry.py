"""What speaks for an agent: its definition names a model, and here the model's name finds what answers.

| model              | what answers                                                                                     |
| ------------------ | ------------------------------------------------------------------------------------------------ |
| `archivist`        | the built-in archivist: no key, no model                                                         |
| `python:<name>`    | a class of one's own, from the entry point group `gathering.agents` or the setting `agents`     |
| any other          | a chat model, which is told the agent's persona: `openai:gpt-5-mini`, or `default`               |
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final, TypeAlias

import structlog

from engine.agents.agent import Agent
from engine.agents.tools import BUILT_IN, Tool
from engine.errors import FieldError, InvalidRequest

GROUP: Final = "gathering.agents"
"""The entry point group."""
PYTHON: Final = "python:"

log = structlog.get_logger(__name__)

Make: TypeAlias = Callable[[], Agent]
"""Makes what speaks in one timeline."""


class Unloadable(Exception):
    """A setting or an entry point names something that is no agent and no tool. The text says which, and why."""


class Registry:
    """Agents and tools by name. `persona` makes what speaks for a definition whose model is a chat model."""

    def __init__(self, built_in: Mapping[str, Make], persona: Make) -> None:
        self._built_in = dict(built_in)
        self._persona = persona
        self._classes: dict[str, Make] = {}
        self._tools: dict[str, Tool] = dict(BUILT_IN)
        self._offered = False

    def add(self, name: str, found: object) -> None:
        """Add an `Agent` class, an agent, a function that makes one, or a `Tool`. `Unloadable` for anything else."""
        if isinstance(found, Tool):
            self._tools[found.name] = found
        elif isinstance(found, Agent):
            self._classes[name] = lambda: found
        elif callable(found):
            self._classes[name] = _checked(name, found)
        else:
            raise Unloadable(f"{name} is {type(found).__name__}, not an agent or a tool")

    def load(self, settings: Iterable[str]) -> None:
        """Add what settings name: `module:Class` or `name=module:Class`. `Unloadable`.

        Without a name an agent goes by its class's, in lower case.
        """
        for setting in settings:
            name, named, target = setting.rpartition("=")
            module, _, attribute = target.partition(":")
            try:
                found = getattr(import_module(module), attribute)
            except (ImportError, AttributeError, ValueError) as error:
                raise Unloadable(f"{target!r} is not module:Class: {error}") from error
            self.add(name if named else attribute.lower(), found)

    def make(self, model: str) -> Make:
        """What speaks for a definition with this model. `InvalidRequest` (field `model`) when there is no such thing."""
        if model in self._built_in:
            return self._built_in[model]
        if model.startswith(PYTHON):
            name = model.removeprefix(PYTHON)
            if name not in self._classes:
                self._take_offered()
            if name not in self._classes:
                known = ", ".join(sorted(self._classes)) or "none"
                raise InvalidRequest.field("model", f"no agent of one's own is called {name!r}; there are: {known}")
            return self._classes[name]
        return self._persona

    def tools(self, names: Iterable[str]) -> list[Tool]:
        """Those of these tools that there are."""
        names = tuple(names)
        if not self._tools.keys() >= set(names):
            self._take_offered()
        return [self._tools[name] for name in names if name in self._tools]

    def check_tools(self, names: Iterable[str]) -> None:
        """`InvalidRequest` for tools that there are not."""
        names = tuple(names)
        known = {each.name for each in self.tools(names)}
        unknown = tuple(
            FieldError(f"tools.{index}", f"there is no tool {name!r}")
            for index, name in enumerate(names)
            if name not in known
        )
        if unknown:
            raise InvalidRequest(f"tools: there are {', '.join(sorted(self._tools))}", unknown)

    def _take_offered(self) -> None:
        """Add what installed packages offer: once, when something is not found without. A server without agents never looks."""
        if self._offered:
            return
        self._offered = True
        for point in entry_points(group=GROUP):
            try:
                self.add(point.name, point.load())
            except Exception:  # a boundary: somebody else's package must not keep the others away
                log.exception("agent.unloadable", entry_point=point.name)


def _checked(name: str, factory: Callable[[], object]) -> Make:
    def make() -> Agent:
        made = factory()
        if not isinstance(made, Agent):
            raise Unloadable(f"{name} makes {type(made).__name__}, not an Agent")
        return made

    return make
