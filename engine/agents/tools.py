"""Tools: typed functions that an agent may call. What a model is told of them is read off their signatures.

    @tool
    async def exchange_rate(turn: Turn, currency: str, to: str = "EUR") -> float:
        '''The rate of a currency today.'''

    GATHERING_AGENTS=my_tools:exchange_rate         and "exchange_rate" among an agent's tools

A parameter of the type `Turn` is given the turn; the others are the arguments, with their types and defaults. A tool that changes
something says `@tool(writes=True)`: it is refused where the agent may not write.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, get_type_hints, overload

import msgspec

from engine.agents.models.prompt import ToolSpec
from engine.agents.toolbox import ToolFailed
from engine.agents.turn import Notebook, Turn
from engine.domain.memories import Keywords, MemoryId, MemoryText
from engine.domain.messages import Message

Function = Callable[..., Awaitable[object]]


class Tool:
    """A function that agents may call, made by `tool`. `writes`: it changes something."""

    def __init__(self, function: Function, *, name: str | None = None, writes: bool = False) -> None:
        self.name: str = name or str(getattr(function, "__name__", "tool"))
        self.writes = writes
        self._function = function
        hints = get_type_hints(function, include_extras=True)
        fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
        self._turn: str | None = None
        for parameter in inspect.signature(function).parameters.values():
            hint = hints.get(parameter.name)
            if hint is Turn:
                self._turn = parameter.name
            elif hint is None or parameter.kind not in {
                parameter.POSITIONAL_OR_KEYWORD,
                parameter.KEYWORD_ONLY,
            }:
                raise TypeError(f"tool {self.name}: the parameter {parameter.name!r} needs a type and a name")
            elif parameter.default is parameter.empty:
                fields.append((parameter.name, hint))
            else:
                fields.append((parameter.name, hint, parameter.default))
        # Required ones first, as structs want them; they are given by name.
        fields.sort(key=len)
        self._arguments = msgspec.defstruct(self.name, fields, forbid_unknown_fields=True, frozen=True)
        description = inspect.cleandoc(function.__doc__ or self.name).partition("\n\n")[0]
        self.spec: Final = ToolSpec(name=self.name, description=description, parameters=_schema(self._arguments))

    async def run(self, turn: Turn, arguments: dict[str, Any]) -> object:
        """Call the function. `ToolFailed` for arguments that do not fit."""
        try:
            given = msgspec.convert(arguments, self._arguments, strict=False)
        except msgspec.ValidationError as error:
            raise ToolFailed(f"{self.name}: {error}") from None
        named = {name: getattr(given, name) for name in self._arguments.__struct_fields__}
        if self._turn is not None:
            named[self._turn] = turn
        return await self._function(**named)


@overload
def tool(function: Function, /) -> Tool: ...
@overload
def tool(*, name: str | None = None, writes: bool = False) -> Callable[[Function], Tool]: ...
def tool(
    function: Function | None = None, /, *, name: str | None = None, writes: bool = False
) -> Tool | Callable[[Function], Tool]:
    """Make a tool of an async function: its docstring's first paragraph says what it is for. TypeError for untyped parameters."""
    if function is not None:
        return Tool(function)
    return partial(Tool, name=name, writes=writes)


def _schema(arguments: type[msgspec.Struct]) -> dict[str, Any]:
    """One object, without references: what every provider understands."""
    (_schema,), components = msgspec.json.schema_components([arguments], ref_template="{name}")
    found = components[arguments.__name__]
    nested = {name: each for name, each in components.items() if name != arguments.__name__}
    inlined = _inline(found, nested)
    return {
        "type": "object",
        "properties": inlined["properties"],
        "required": inlined["required"],
        "additionalProperties": False,
    }


def _inline(schema: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inline(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(components[schema["$ref"]], components)
    return {key: _inline(value, components) for key, value in schema.items()}


# -- what every agent may be given -------------------------------------------------------------------------------------


class Quote(msgspec.Struct, frozen=True):
    """A message as a tool tells of it."""

    author: str
    at: str
    text: str


def _quote(message: Message) -> Quote:
    return Quote(message.author.name, message.created_at.isoformat(timespec="seconds"), message.text)


@tool
async def search(turn: Turn, words: str, limit: int = 10) -> list[Quote]:
    """Find messages of this conversation by words. Quotes keep words together, a minus before a word excludes it."""
    return [_quote(each) for each in await turn.here.search(words, limit=max(1, min(limit, 50)))]


@tool
async def members(turn: Turn) -> list[str]:
    """Who takes part in this conversation."""
    return [member.participant.name for member in await turn.here.members()]


@tool
async def current_time(turn: Turn) -> str:
    """The present date and time, in UTC."""
    return turn.now.isoformat(timespec="seconds")


@tool(writes=True)
async def remember(turn: Turn, text: MemoryText, keywords: Keywords = []) -> str:  # noqa: B006 - a default of its schema
    """Remember a fact about the person who has asked, in a sentence that can be understood alone, for questions to come."""
    memory = await _notebook(turn).remember(text, keywords)
    return f"remembered as {memory.id}"


@tool(writes=True)
async def forget(turn: Turn, memory_id: str) -> str:
    """Forget something that you remember about the person who has asked, by its id."""
    await _notebook(turn).forget(MemoryId(memory_id))
    return "forgotten"


def _notebook(turn: Turn) -> Notebook:
    if turn.notebook is None:
        raise ToolFailed("nothing can be remembered here")
    return turn.notebook


BUILT_IN: Final[Mapping[str, Tool]] = {each.name: each for each in (search, members, current_time, remember, forget)}
"""The tools that are always there, by name."""
