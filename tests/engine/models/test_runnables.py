"""What LangChain runs, as agents: the real libraries, against servers of the providers' protocols."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_anthropic._client_utils import _get_default_async_httpx_client
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from openai import DefaultAsyncHttpxClient
from pydantic import SecretStr

from engine.agents import Turn
from engine.agents.langchain import RunnableAgent
from engine.agents.models import FailureCode, ModelFailed
from engine.domain.agents import AgentDefinition, Policy
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from tests.engine.models.talking import AT_ONCE, SERVERS
from tests.support import model_scripts as peer
from tests.support.anthropic_server import AnthropicServer
from tests.support.model_server import ModelServer
from tests.support.ollama_server import OllamaServer
from tests.support.openai_server import OpenAIServer

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


def turn(*texts: str) -> Turn:
    """Ada has said these, the last of them to the agent."""
    ada = Participant(id=ParticipantId("ada"), kind=ParticipantKind.USER, name="Ada")
    messages = tuple(
        Message(
            id=MessageId(str(number)),
            timeline_id=TimelineId("room"),
            offset=number,
            author=ada,
            text=text,
            language=None,
            created_at=NOW,
        )
        for number, text in enumerate(texts, 1)
    )
    agent = AgentDefinition(
        id=ParticipantId("agent"),
        name="weather",
        persona="You know the weather.",
        model="python:weather",
        room_policy=Policy.MENTION,
        conversation_policy=Policy.ALWAYS,
        created_by=ada.id,
        created_at=NOW,
    )
    return Turn(agent=agent, message=messages[-1], history=messages, here=cast("Any", None), now=NOW, channel="room:1")


async def said(agent: RunnableAgent, given: Turn) -> str:
    async with aclosing(cast("Any", agent.respond(given))) as pieces:
        return "".join([piece async for piece in pieces])


def chat(server: ModelServer) -> Any:
    """A chat model of LangChain's, as somebody makes it who writes such an agent."""
    match server:
        case AnthropicServer():
            return ChatAnthropic(model="any", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)
        case OllamaServer():
            return ChatOllama(model="any", base_url=server.base_url)
    return ChatOpenAI(
        model="any",
        base_url=server.base_url,
        api_key=SecretStr("none"),
        max_retries=0,
        stream_usage=True,
        http_async_client=DefaultAsyncHttpxClient(),
    )


async def close(model: Any) -> None:
    client = model.root_async_client if isinstance(model, ChatOpenAI) else model._async_client
    await client.close()
    # LangChain keeps it for whoever asks the same address next: another test, whose server may have come to the same port.
    _get_default_async_httpx_client.cache_clear()


@pytest.fixture(params=SERVERS)
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[ModelServer]:
    async with SERVERS[request.param]() as server:
        yield server


async def test_a_chat_model_speaks_as_the_persona_and_tells_what_it_cost() -> None:
    async with OpenAIServer([peer.words("It ", "rains.", usage=(7, 2))]) as server:
        asked, model = turn("Hello", "Weather?"), chat(server)

        assert await said(RunnableAgent(model), asked) == "It rains."

        assert asked.tokens == 9
        system, *others = server.requests[0].body["messages"]
        assert "You know the weather." in system["content"]
        assert [each["content"] for each in others] == ["Ada: Hello", "Ada: Weather?"]
        await close(model)


async def test_a_chain_gives_its_text() -> None:
    async with OpenAIServer([peer.words("It ", "rains.")]) as server:
        model = chat(server)

        assert await said(RunnableAgent(model | StrOutputParser()), turn("Weather?")) == "It rains."

        await close(model)


async def test_an_agent_with_tools_asks_for_one_gets_its_result_and_goes_on(provider: ModelServer) -> None:
    looked_up: list[str] = []

    def look_up(city: str) -> str:
        """Tell the weather of a city."""
        looked_up.append(city)
        return "SECRET TOOL RESULT: rain"

    provider.script = [peer.calls("look_up", {"city": "Paris"}, text="Let me see."), peer.words("It ", "rains.")]
    model = chat(provider)
    asked = turn("Weather in Paris?")

    answer = await said(RunnableAgent(create_agent(model, tools=[look_up])), asked)

    assert (answer, looked_up) == ("Let me see.\n\nIt rains.", ["Paris"])
    assert provider.requests[1].heard.turns[-1].text == "SECRET TOOL RESULT: rain"
    assert asked.tokens == 26
    await close(model)


async def test_a_graph_says_what_its_nodes_say() -> None:
    async def plain(_: MessagesState) -> dict[str, Sequence[AIMessage]]:
        return {"messages": [AIMessage("I have looked.")]}

    async with OpenAIServer([peer.words("It ", "rains.")]) as server:
        model = chat(server)

        async def ask(state: MessagesState) -> dict[str, Sequence[Any]]:
            return {"messages": [await model.ainvoke(state["messages"])]}

        graph: Any = StateGraph(MessagesState)
        graph.add_node("plain", plain)
        graph.add_node("ask", ask)
        graph.add_edge(START, "plain")
        graph.add_edge("plain", "ask")
        graph.add_edge("ask", END)

        assert await said(RunnableAgent(graph.compile()), turn("Weather?")) == "I have looked.\n\nIt rains."

        await close(model)


async def test_what_a_model_thinks_is_not_said() -> None:
    async with OpenAIServer([peer.reasons, peer.words("<think>SEC", "RET</think>Well.")]) as server:
        model = chat(server)

        assert [await said(RunnableAgent(model), turn("So?")) for _ in range(2)] == ["Well.", "Well."]

        await close(model)


async def test_a_failure_of_the_provider_is_the_model_s() -> None:
    async with OpenAIServer([peer.status(401), peer.stalls]) as server:
        model = chat(server)
        with pytest.raises(ModelFailed) as failed:
            await said(RunnableAgent(model), turn("So?"))

        assert failed.value.code is FailureCode.UNAUTHORIZED
        await close(model)


@pytest.mark.parametrize("turns_of_the_loop", range(6))
async def test_cancelled_it_closes_the_connection(provider: ModelServer, turns_of_the_loop: int) -> None:
    """Whether it waits for the answer to begin, for a chunk that is coming, or for one that is not."""
    provider.script = [peer.stalls]
    model = chat(provider)
    async with anyio.create_task_group() as group:
        group.start_soon(said, RunnableAgent(create_agent(model)), turn("So?"))
        with anyio.fail_after(30.0):
            while not provider.requests:
                await anyio.lowlevel.checkpoint()
        for _ in range(turns_of_the_loop):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    with anyio.fail_after(AT_ONCE):
        await provider.requests[0].closed.wait()
    await close(model)


async def test_a_runnable_that_gives_no_text_fails_clearly() -> None:
    def number(_: object) -> int:
        return 5

    runnable: Runnable[Any, Any] = RunnableLambda(number)
    with pytest.raises(ModelFailed) as failed:
        await said(RunnableAgent(runnable), turn("So?"))

    assert failed.value.code is FailureCode.MALFORMED
