"""LangChain: with `langchain_providers`, all that imports it. They are imported by the first model that is opened, and no sooner.

`make_model` finds a chat model by its name; what is read of its answers is text, tool calls and usage. `RunnableAgent` makes an agent
of anything else that LangChain and LangGraph can run.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any, Final, cast

import anyio
import langsmith
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages import ToolCall as AskedTool
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import Runnable
from langgraph.pregel import Pregel

from engine.agents.agent import Agent
from engine.agents.langchain_providers import Chat, open_chat
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import Piece, Prompt, Spoken, Text, ToolCall, ToolResult, ToolSpec, Usage
from engine.agents.models.thoughts import Thoughts
from engine.agents.persona import prompt_of
from engine.agents.provider_errors import failure_of
from engine.agents.turn import Turn

langsmith.configure(
    enabled=False
)  # whatever the environment says: conversations go to the model's provider, and to nobody else

_REASONS: Final = ("finish_reason", "stop_reason", "done_reason")
"""Where providers say why an answer has ended."""
AHEAD: Final = 16
"""Parts of a runnable's answer that may wait to be said."""
FAREWELL: Final = 1.0
"""Seconds that a runnable which is left may take to end."""
_FILTERED: Final = frozenset({"content_filter", "refusal", "SAFETY"})


def make_model(
    name: str, *, base_url: str | None = None, api_key: str | None = None, now: Callable[[], datetime]
) -> "LangChainModel":
    """The model called `provider:model`; see `open_chat`."""
    return LangChainModel(open_chat(name, base_url, api_key), now)


class LangChainModel:
    """A chat model of LangChain, as the engine knows them. On asyncio, which LangChain needs."""

    def __init__(self, chat: Chat, now: Callable[[], datetime]) -> None:
        self._chat = chat
        self._now = now

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """See `ChatModel.stream`."""
        answer = _Answer()
        try:
            async with aclosing(self._chunks(prompt)) as chunks:
                async for chunk in chunks:
                    yield Text(answer.read(chunk))
            for piece in answer.end(must_finish=self._chat.finishes):
                yield piece
        except Exception as error:  # a boundary: libraries of providers raise what they like
            raise failure_of(error, spoken=answer.spoken, now=self._now) from error

    async def close(self) -> None:
        """Close the connections that are kept for the next request."""
        await self._chat.close()

    def _chunks(self, prompt: Prompt) -> AsyncGenerator[ChatGenerationChunk, None]:
        options = dict(self._chat.options(prompt))
        if prompt.tools:
            bound: Any = self._chat.model.bind_tools([_tool(each) for each in prompt.tools])
            options |= bound.kwargs
        # What `astream` adds to this are callbacks for tracers, and all chunks once more, merged at the end in one go (15 ms for
        # 2,000 tokens, in which nobody else is served).
        chunks: AsyncIterator[ChatGenerationChunk] = self._chat.model._astream(_messages(prompt), **options)  # noqa: SLF001
        assert isinstance(chunks, AsyncGenerator)
        return chunks


class RunnableAgent(Agent):
    """An agent made of anything that LangChain can run: a chat model, a chain, a LangGraph graph, `create_agent` with tools.

        weather = RunnableAgent(create_agent("openai:gpt-5-mini", tools=[look_up]))    # GATHERING_AGENTS=weather=module:weather

    Its text is what is said: not its tools' results, nor its thoughts. What it asks a model itself does not go through the pool of
    `Models`: give it deadlines of its own, and `max_retries=0` if a failure is to be told at once.
    """

    def __init__(self, runnable: Runnable[Any, Any]) -> None:
        self._runnable = runnable
        self._is_graph = isinstance(runnable, Pregel)

    def given(self, turn: Turn) -> Any:
        """What the runnable is given: messages, the system's with the persona first; a graph gets them as `messages` of its state."""
        messages = _messages(prompt_of(turn))
        return {"messages": messages} if self._is_graph else messages

    async def respond(self, turn: Turn) -> AsyncIterator[str]:
        """See `Agent.respond`. Raises `ModelFailed`."""
        spoken, said_by, thoughts = False, None, Thoughts()
        try:
            async with aclosing(self._messages(turn)) as messages:
                async for message in messages:
                    if message.usage_metadata is not None:
                        turn.spend(message.usage_metadata["total_tokens"])
                    text = thoughts.said(_text_of(message))
                    if text and spoken and message.id != said_by:
                        yield "\n\n"  # it has used a tool, or another part of the graph goes on
                    spoken, said_by = spoken or bool(text), message.id if text else said_by
                    yield text
            yield thoughts.rest()
        except Exception as error:  # a boundary: libraries of providers raise what they like
            raise failure_of(error, spoken=spoken, now=lambda: turn.now) from error

    async def _messages(self, turn: Turn) -> AsyncGenerator[AIMessage, None]:
        """What models, or the chain, say, whole or in chunks."""
        mode: dict[str, Any] = {"stream_mode": "messages"} if self._is_graph else {}
        reminder = _Reminder()
        parts = self._runnable.astream(self.given(turn), {"callbacks": [reminder]}, **mode)
        async with aclosing(_in_a_task(cast("AsyncGenerator[Any, None]", parts), reminder)) as running:
            async for part in running:
                said = part[0] if self._is_graph else part
                if isinstance(said, str):
                    yield AIMessageChunk(content=said)
                elif isinstance(said, AIMessage):
                    yield said
                elif not self._is_graph:
                    raise TypeError(f"the runnable gives {type(said).__name__}, which is neither a text nor a message")


class _Reminder(BaseCallbackHandler):
    """Cancels a model that goes on to speak after it was `left`.

    `asyncio.wait_for` of Python 3.11 forgets a cancellation that comes in the moment in which what it waits for is there
    (https://github.com/python/cpython/issues/86296), and ChatOpenAI waits so for each chunk.
    """

    run_inline = True  # in the task that reads the chunks

    def __init__(self) -> None:
        self.left = False

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        """See `BaseCallbackHandler`. The cancellation comes with the next chunk that is waited for."""
        task = asyncio.current_task()
        if self.left and task is not None:
            task.cancel()


async def _in_a_task(parts: AsyncGenerator[Any, None], reminder: _Reminder) -> AsyncGenerator[Any, None]:
    """Run a generator of LangChain's in a task of asyncio's own.

    A cancelled scope of anyio cancels each await in it again and again. LangGraph cleans up in awaits, and one that is cancelled
    there leaves its own tasks running, with their connections. A task is cancelled once, as it expects; it ends with this generator.
    """
    waiting: asyncio.Queue[Any] = asyncio.Queue(AHEAD)
    over = object()

    async def pump() -> None:
        try:
            async with aclosing(parts):
                async for part in parts:
                    await waiting.put(part)
        finally:
            if not task.cancelling():
                await waiting.put(over)

    task = asyncio.create_task(pump())
    try:
        while (part := await waiting.get()) is not over:
            yield part
        await task
    finally:
        reminder.left = True
        task.cancel()
        with anyio.CancelScope(shield=True), anyio.move_on_after(FAREWELL):
            await asyncio.wait((task,))


class _Answer:
    """What has been read of one answer."""

    def __init__(self) -> None:
        self.spoken = False
        self._thoughts = Thoughts()
        self._calls: AIMessageChunk | None = None
        self._input = self._output = 0
        self._reason: str | None = None

    def read(self, chunk: ChatGenerationChunk) -> str:
        """The text of a chunk, for others to read; empty when it has none, or only thoughts."""
        message = chunk.message
        if not isinstance(message, AIMessageChunk):
            raise TypeError(f"the answer has a part of the type {message.type}")
        if message.tool_call_chunks:
            self._calls = message if self._calls is None else self._calls + message
        if message.usage_metadata is not None:
            self._input += message.usage_metadata["input_tokens"]
            self._output += message.usage_metadata["output_tokens"]
        if chunk.generation_info or message.response_metadata:
            known = {**(chunk.generation_info or {}), **message.response_metadata}
            self._reason = next((known[name] for name in _REASONS if known.get(name)), self._reason)
        content = _text_of(message)
        said = self._thoughts.said(content) if content else ""
        self.spoken = self.spoken or bool(said)
        return said

    def end(self, *, must_finish: bool) -> list[Piece]:
        """What is left to say when the stream is over."""
        if self._reason is None and must_finish:
            raise ModelFailed(FailureCode.INTERRUPTED, "the answer stopped without an end")
        if self._reason in _FILTERED:
            raise ModelFailed(FailureCode.FILTERED, "the provider's filter ended the answer")
        pieces: list[Piece] = [Text(self._thoughts.rest())]
        if self._calls is not None:
            if self._calls.invalid_tool_calls:
                raise ModelFailed(FailureCode.MALFORMED, "the model asked for a tool in a way that cannot be read")
            pieces += [
                ToolCall(id=call["id"] or call["name"], name=call["name"], arguments=call["args"])
                for call in self._calls.tool_calls
            ]
        if self._input or self._output:
            pieces.append(Usage(input_tokens=self._input, output_tokens=self._output))
        return pieces


def _text_of(message: BaseMessage) -> str:
    """The text of a message. Blocks of what the model thinks, or does on the provider's side, are left out."""
    content = message.content
    return content if isinstance(content, str) else "".join(_text_of_block(block) for block in content)


def _text_of_block(block: Any) -> str:
    if isinstance(block, str):
        return block
    return str(block.get("text", "")) if block.get("type") == "text" else ""


def _messages(prompt: Prompt) -> list[BaseMessage]:
    said = [_message(each) for each in prompt.messages]
    return [SystemMessage(prompt.system), *said] if prompt.system else said


def _message(each: Spoken | ToolResult) -> BaseMessage:
    if isinstance(each, ToolResult):
        return ToolMessage(each.text, tool_call_id=each.call_id, name=each.name)
    if each.role == "assistant":
        calls = [AskedTool(id=call.id, name=call.name, args=call.arguments) for call in each.calls]
        return AIMessage(each.text, tool_calls=calls)
    return HumanMessage(each.text)


def _tool(spec: ToolSpec) -> dict[str, Any]:
    """OpenAI's form, which LangChain translates for the others."""
    function = {"name": spec.name, "description": spec.description, "parameters": spec.parameters}
    return {"type": "function", "function": function}
