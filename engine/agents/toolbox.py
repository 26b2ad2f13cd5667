"""The tools that an agent has in one turn."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from engine.agents.models.prompt import ToolSpec
from engine.domain.answers import ToolState
from engine.errors import EngineError

Watch: TypeAlias = Callable[[str, ToolState], None]
"""Is told of each call, by the tool's name, when it begins and when it ends. Returns at once."""
LONGEST: Final = 20_000
"""Characters of a result; what is longer is cut off."""


class ToolFailed(Exception):
    """A tool cannot do what it is asked; the text is for whoever asked it, which may be a model."""


class Toolbox:
    """Tools by name, ready to be called: what a model is told of them, and a way to run one.

    `run` are the tools themselves, each taking its arguments by name.
    """

    def __init__(
        self, tools: Mapping[str, tuple[ToolSpec, Callable[[dict[str, Any]], Awaitable[object]]]], watch: Watch
    ) -> None:
        self._tools = tools
        self._watch = watch

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What there is."""
        return tuple(spec for spec, _ in self._tools.values())

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Run a tool; answers its result as text, JSON if it is none. Raises `ToolFailed` for whatever goes wrong in a known way."""
        found = self._tools.get(name)
        if found is None:
            raise ToolFailed(f"there is no tool {name[:64]!r}; there are: {', '.join(self._tools) or 'none'}")
        self._watch(name, ToolState.STARTED)
        state = ToolState.FAILED
        try:
            result = await found[1](arguments)
            text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
            state = ToolState.FINISHED
        except EngineError as refusal:
            raise ToolFailed(str(refusal)) from refusal
        finally:
            self._watch(name, state)
        return text if len(text) <= LONGEST else text[:LONGEST] + " […]"


NO_TOOLS: Final = Toolbox({}, lambda _name, _state: None)
