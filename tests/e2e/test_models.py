"""A chat model answers and translates in a room: the whole server, the real client, and a provider on loopback."""

import json

import aiohttp
import anyio
import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest

from tests.e2e.test_agents import administrator, follow, invite
from tests.support import model_scripts as peer
from tests.support.anthropic_server import AnthropicServer
from tests.support.model_server import Reply
from tests.support.ollama_server import OllamaServer
from tests.support.openai_server import OpenAIServer
from tests.support.pdfs import pdf
from tests.support.server import GatheringServer
from tests.support.visitors import Visitor, until

pytestmark = pytest.mark.anyio

PERSONA = {
    "name": "vera",
    "persona": "You know the weather.",
    "model": "default",
    "room_policy": "always",
    "conversation_policy": "always",
}


async def test_what_a_model_does_is_what_readers_hear_of_its_answer(
    sqlite_url: str, session: aiohttp.ClientSession
) -> None:
    scripts = [
        peer.words("It ", "rains."),
        peer.status(401),
        peer.resets_midway,
        peer.stalls,
        peer.hangs,
    ]
    async with OpenAIServer(scripts) as provider:
        with GatheringServer(
            sqlite_url,
            chat_model="openai:any",
            chat_model_base_url=provider.base_url,
            chat_model_between_tokens_timeout=2.0,
            translation_provider="none",
        ) as server:
            root = await administrator(session, server, sqlite_url)
            room = await root.open_room()
            await invite(root, room, PERSONA)
            async with root.connect() as wire:
                reader = await follow(wire, room)
                for number in range(1, 5):
                    await wire.post(room, f"Weather, please: {number}")
                    await until(lambda: sum(map(_is_end, reader.types())) == number)  # noqa: B023 - waited for
                status = (await root.call("GET", "/admin/models")).body
                await wire.post(room, "Are you there?")
                await until(lambda: len(provider.requests) == 5)
            (reading,) = psutil.Process(server.pid).children()
            server.kill()
            with anyio.fail_after(10.0):
                await provider.requests[4].closed.wait()
                while reading.is_running() and reading.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - no event tells it
                    await anyio.sleep(0.01)

    ends = [each for each in reader.heard if _is_end(each["type"])]
    assert [each.get("code", "") for each in ends] == ["", "model_unauthorized", "model_interrupted", "model_stalled"]
    assert "It rains." in reader.texts
    assert [each.get("text") for each in ends[2:]] == ["Well, ", "Well, "]
    (model,) = status["models"]
    assert (model["requests"], model["answered"], model["under_way"]) == (4, 1, 0)
    assert model["failed"] == {"model_unauthorized": 1, "model_interrupted": 1, "model_stalled": 1}
    assert provider.requests[3].closed.is_set()


async def test_a_model_is_told_what_its_agent_was_given_to_read(
    sqlite_url: str, session: aiohttp.ClientSession
) -> None:
    async with OpenAIServer([peer.words("At 80 degrees.")]) as provider:
        with GatheringServer(
            sqlite_url,
            chat_model="openai:any",
            chat_model_base_url=provider.base_url,
            translation_provider="none",
        ) as server:
            root = await administrator(session, server, sqlite_url)
            room = await root.open_room()
            agent = await invite(root, room, PERSONA)
            form = aiohttp.FormData()
            form.add_field("file", pdf("Green tea takes 80 degrees"), filename="tea.pdf")
            address = f"{server.http}/api/v1/agents/{agent}/documents"
            async with session.post(address, data=form, headers={"Authorization": f"Bearer {root.token}"}) as given:
                assert given.status == 201, await given.text()
            async with root.connect() as wire:
                reader = await follow(wire, room)
                await wire.post(room, "How hot is green tea made?")
                await until(lambda: "At 80 degrees." in reader.texts)

    told, question = provider.requests[0].heard.turns
    assert told.text == "From your documents:\n  [tea.pdf]\n    Green tea takes 80 degrees"
    assert question.text.endswith("How hot is green tea made?")


async def test_a_persona_answers_through_the_model_that_it_names_whosever_it_is(
    sqlite_url: str, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [peer.calls("current_time", {}, text="Let me see."), peer.words("It is ", "late.", usage=(40, 4))]
    async with (
        AnthropicServer(reports, key="the key") as anthropic,
        OllamaServer([peer.words("Very ", "late.", usage=(30, 3))]) as ollama,
    ):
        monkeypatch.setenv("OLLAMA_HOST", ollama.base_url)
        with GatheringServer(
            sqlite_url,
            chat_model=anthropic.model,
            chat_model_base_url=anthropic.base_url,
            chat_model_api_key="the key",
            translation_provider="none",
        ) as server:
            root = await administrator(session, server, sqlite_url)
            room = await root.open_room()
            await invite(root, room, PERSONA | {"tools": ["current_time"], "room_policy": "question"})
            otto = {"name": "otto", "persona": "", "model": ollama.model, "room_policy": "mention"}
            await invite(root, room, PERSONA | otto)
            async with root.connect() as wire:
                reader = await follow(wire, room)
                await wire.post(room, "What time is it?")
                await until(lambda: sum(map(_is_end, reader.types())) == 1)
                await wire.post(room, "And you, otto?")
                await until(lambda: sum(map(_is_end, reader.types())) == 3)
            status = (await root.call("GET", "/admin/models")).body

    assert {each["type"] for each in reader.heard if _is_end(each["type"])} == {"answer.completed"}
    assert "Let me see.\n\nIt is late." in reader.texts
    assert reader.texts[-1] == "Very late."
    assert [each.role for each in anthropic.requests[1].heard.turns] == ["user", "assistant", "tool"]
    assert ollama.requests[0].heard.turns[-1].text == "vera: It is late."
    used = {each["model"]: (each["input_tokens"], each["output_tokens"]) for each in status["models"]}
    assert used == {anthropic.model: (11 + 40 + 40, 5 + 4 + 4), ollama.model: (30, 3)}
    assert [each["provider"] for each in status["providers"]] == ["anthropic", "ollama"]


async def test_a_chat_model_translates_what_people_say(sqlite_url: str, session: aiohttp.ClientSession) -> None:
    async def translates(reply: Reply) -> None:
        """As it was asked: what stands between the marks, in other words, and as JSON."""
        said = reply.asked.body["messages"][-1]["content"]
        answer = json.dumps({"source": "en", "text": said.replace("Good morning", "Guten Morgen")})
        await reply.say(answer[:12])
        await reply.say(answer[12:])
        await reply.finish()

    async with OpenAIServer([translates]) as provider:
        with GatheringServer(
            sqlite_url,
            chat_model="openai:any",
            chat_model_base_url=provider.base_url,
            translation_provider="chat_model",
        ) as server:
            root = await administrator(session, server, sqlite_url)
            room = await root.open_room()
            ben = await Visitor.register(session, server, "ben")
            await ben.call("PATCH", "/me", {"language": "de"})
            await ben.join(room)
            async with ben.connect() as wire:
                reader = await follow(wire, room)
                body = {"text": "Good morning, **@ben**: see `x = 1` :-)", "language": "en"}
                said = (await root.call("POST", f"/rooms/{room}/messages", body)).body
                await until(lambda: bool(reader.translated))
            page = (await ben.call("GET", f"/rooms/{room}/messages?language=de")).body["items"]
            (state,) = (await root.call("GET", "/admin/translation")).body["translators"]["providers"]

    told = [(each["message_id"], each["language"], each["text"], each["provider"]) for each in reader.translated]
    assert told == [(said["id"], "de", "Guten Morgen, **@ben**: see `x = 1` :-)", "chat_model")]
    assert page[0]["translation"]["text"] == told[0][2]
    assert (state["name"], state["state"], state["requests"], state["texts"]) == ("chat_model", "ready", 1, 1)
    assert len(provider.requests) == 1


def _is_end(kind: str) -> bool:
    return kind in {"answer.completed", "answer.failed", "answer.cancelled"}
