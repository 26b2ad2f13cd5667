"""A server whose people speak different languages, with a provider that works, hangs, or fails."""

from collections.abc import Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest

from tests.support.deepl_server import KEY, DeepLServer, Silence
from tests.support.deepl_server import Answer as DeepLAnswer
from tests.support.official import PythonClient, happened
from tests.support.outside import Outsider
from tests.support.server import GatheringServer
from tests.support.visitors import until

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


@pytest.fixture
def server(sqlite_url: str, deepl: DeepLServer) -> Iterator[GatheringServer]:
    with GatheringServer(sqlite_url, deepl_auth_key=KEY, deepl_server_url=deepl.url, commands_burst=1000) as server:
        yield server


def speaking(server: GatheringServer, language: str) -> Outsider:
    someone = Outsider.register(server, language.lower())
    assert someone.patch("/me", {"language": language}).status == 200
    return Outsider(server, someone.token, {**someone.user, "language": language})


def understood(client: PythonClient, reader: Outsider, original: dict[str, Any]) -> bool:
    """Whether somebody has been told live, or in recovery, of a message in their language: once, and in no other."""
    data = [each["data"] for each in client.events if each["event"] == "publication"]
    told = [each["language"] for each in data if each.get("message_id") == original["id"] and "language" in each]
    language = reader.user["language"]
    assert told in ([], [language]), told
    return told == [language] or original["language"] == language


async def everyone_understands(
    clients: dict[Outsider, PythonClient], said: list[dict[str, Any]], *, limit: float = PATIENCE
) -> None:
    everyone = list(clients.items())
    await until(
        lambda: all(understood(client, reader, each) for reader, client in everyone for each in said), limit=limit
    )


async def test_a_german_a_japanese_and_a_brazilian_read_each_other_live_after_coming_back_and_in_history(
    server: GatheringServer,
) -> None:
    people = [speaking(server, language) for language in ("de", "ja", "pt-BR")]
    room = people[0].room(*people[1:])
    channel = f"room:{room}"
    texts = {"de": "Guten Morgen", "ja": "おはようございます", "pt-BR": "Bom dia"}
    async with (
        PythonClient.open(server.websocket, people[0].token, channel) as german,
        PythonClient.open(server.websocket, people[1].token, channel) as japanese,
        PythonClient.open(server.websocket, people[2].token, channel) as brazilian,
    ):
        clients = dict(zip(people, (german, japanese, brazilian), strict=True))
        for client in clients.values():
            await happened(client, lambda event: event["event"] == "subscribed")

        live = [each.post(f"/rooms/{room}/messages", {"text": texts[each.user["language"]]}).body for each in people]
        await everyone_understands(clients, live)

        await anyio.to_thread.run_sync(server.kill)
        await anyio.to_thread.run_sync(server.start)
        after = [each.post(f"/rooms/{room}/messages", {"text": f"{each.user['language']} 2"}).body for each in people]
        await everyone_understands(clients, live + after)

    for reader in people:
        page = reader.get(f"/rooms/{room}/messages?language={reader.user['language']}").body["items"]
        foreign = [each for each in page if each["language"] != reader.user["language"]]
        assert [each["id"] for each in reversed(page)] == [each["id"] for each in live + after]
        assert len(foreign) == 4
        assert {each["translation"]["language"] for each in foreign} == {reader.user["language"]}
        assert all("translation" not in each for each in page if each not in foreign)


async def test_a_server_that_is_killed_loses_no_translation_that_somebody_waits_for(
    server: GatheringServer, deepl: DeepLServer
) -> None:
    deepl.always = Silence()
    ada, ben = speaking(server, "en"), speaking(server, "de")
    room = ada.room(ben)
    async with PythonClient.open(server.websocket, ben.token, f"room:{room}") as client:
        await happened(client, lambda event: event["event"] == "subscribed")
        said = [ada.post(f"/rooms/{room}/messages", {"text": f"number {each}"}).body for each in range(5)]
        await until(lambda: bool(deepl.requests), limit=PATIENCE)

        await anyio.to_thread.run_sync(server.kill)
        deepl.always = None
        await anyio.to_thread.run_sync(server.start)

        await everyone_understands({ben: client}, said)


async def test_a_hundred_posts_to_readers_of_five_languages_succeed_with_a_translator_that_fails(
    server: GatheringServer, deepl: DeepLServer
) -> None:
    deepl.always = DeepLAnswer(500)
    people = [speaking(server, language) for language in ("en", "de", "fr", "ja", "es")]
    room = people[0].room(*people[1:])
    statuses: list[int] = []

    async def post(by: Outsider, number: int) -> None:
        answer = await anyio.to_thread.run_sync(by.post, f"/rooms/{room}/messages", {"text": f"message {number}"})
        statuses.append(answer.status)

    async with PythonClient.open(server.websocket, people[1].token, f"room:{room}") as client:
        await happened(client, lambda event: event["event"] == "subscribed")
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(post, people[number % 5], number)

    assert statuses == [201] * 100
    pages = [reader.get(f"/rooms/{room}/messages?limit=100&language={reader.user['language']}") for reader in people]
    assert [page.status for page in pages] == [200] * 5
    assert all({each["text"] for each in page.body["items"]} == {f"message {n}" for n in range(100)} for page in pages)
    assert Outsider.sign_in(server, people[0].user["username"]).get("/me").status == 200
    assert deepl.connections <= 2 * 4  # requests, and questions about usage and languages


async def test_a_reader_switches_the_language_and_back_to_the_original(server: GatheringServer) -> None:
    ada, ben = speaking(server, "en"), speaking(server, "de")
    room = ada.room(ben)
    channel = f"room:{room}"
    async with PythonClient.open(server.websocket, ben.token, channel, data={"language": "fr"}) as client:
        await happened(client, lambda event: event["event"] == "subscribed")
        ada.post(f"/rooms/{room}/messages", {"text": "one"})
        await happened(client, lambda event: event.get("data", {}).get("language") == "fr")

        await client.rpc("set_language", {"timeline": channel, "language": "ja"})

        await happened(client, lambda event: event.get("data", {}).get("language") == "ja", limit=PATIENCE)
        await client.rpc("set_language", {"timeline": channel, "language": None})
        ada.post(f"/rooms/{room}/messages", {"text": "two"})
        ada.post(f"/rooms/{room}/messages", {"text": "three"})
        await happened(client, lambda event: event.get("data", {}).get("message", {}).get("text") == "three")
        history = await client.call("history", limit=100)
        seen = [each["data"].get("language") for each in client.events if each["event"] == "publication"]
        assert seen.count("fr") == seen.count("ja") == 1
        assert not any(each.data["type"] == "message.translated" for each in history.publications)
