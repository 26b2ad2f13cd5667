"""Reading in one's own language through the doors."""

import json
from typing import Any

import anyio
import pytest

from engine.settings import Settings
from tests.support.rest import Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"translation_provider": "pseudo"})


async def said(by: Person, text: str = "hello there", **fields: Any) -> tuple[str, dict[str, Any]]:
    """A room in which one message was posted, in English."""
    room = await by.room(**fields)
    answer = await by.post(f"/rooms/{room}/messages", {"text": text, "language": "en"})
    assert answer.status == 201
    return room, answer.body


async def translation(by: Person, room: str, message: dict[str, Any], language: str) -> dict[str, Any]:
    """What somebody reads in a language, as soon as it is there."""
    found: dict[str, Any] | None = None
    with anyio.fail_after(20):
        while found is None:
            answer = await by.get(f"/rooms/{room}/messages/{message['id']}?language={language}")
            assert answer.status == 200
            found = answer.body["translation"]
    return found


async def test_a_message_is_translated_when_it_is_read_in_another_language(ada: Person) -> None:
    room, message = await said(ada, "hello @ada, see https://example.org")

    made = await translation(ada, room, message, "de")

    assert made["language"] == "de"
    assert made["provider"] == "pseudo"
    assert "@ada" in made["text"]
    assert "https://example.org" in made["text"]


async def test_a_page_has_the_translations_beside_the_originals(ada: Person) -> None:
    room, message = await said(ada)
    made = await translation(ada, room, message, "de")

    german = await ada.get(f"/rooms/{room}/messages?language=de")
    english = await ada.get(f"/rooms/{room}/messages?language=en-GB")
    plain = await ada.get(f"/rooms/{room}/messages")

    assert german.body["items"] == [{**message, "translation": made}]
    assert english.body["items"] == plain.body["items"] == [message]


async def test_a_room_without_translation_has_none(ada: Person) -> None:
    room, message = await said(ada, translation=False)

    answer = await ada.get(f"/rooms/{room}/messages?language=de")

    assert answer.body["items"] == [message]


@pytest.mark.parametrize("path", ["messages", "events", "stream"])
async def test_a_language_that_is_none_is_refused(ada: Person, path: str) -> None:
    room, _ = await said(ada)

    answer = await ada.get(f"/rooms/{room}/{path}?language=not%20one")

    assert (answer.status, answer.code) == (422, "invalid_request")


async def test_events_are_all_there_or_as_a_reader_of_a_language_sees_them(ada: Person) -> None:
    room, message = await said(ada)
    for language in ("de", "ja"):
        await translation(ada, room, message, language)

    everything = await ada.get(f"/rooms/{room}/events?since=2")
    japanese = await ada.get(f"/rooms/{room}/events?since=2&language=ja")

    assert [(each["type"], each["language"]) for each in everything.body["items"]] == [
        ("message.translated", "de"),
        ("message.translated", "ja"),
    ]
    assert japanese.body["items"] == everything.body["items"][1:]


async def test_a_stream_of_events_has_the_translations_into_its_readers_language(ada: Person) -> None:
    room, message = await said(ada)
    for language in ("de", "ja"):
        await translation(ada, room, message, language)

    response = await ada.client.get(
        f"/api/v1/rooms/{room}/stream?since=2&language=ja", headers={"Authorization": f"Bearer {ada.token}"}
    )
    languages = []
    async for line in response.content:
        if line.startswith(b"data: {"):
            languages.append(json.loads(line.removeprefix(b"data: ")).get("language"))
            break
    response.close()

    assert languages == ["ja"]


async def test_administrators_see_how_translation_is_doing(root: Person, ada: Person) -> None:
    room, message = await said(ada)
    await translation(ada, room, message, "de")

    seen = await root.get("/admin/translation")
    refused = await ada.get("/admin/translation")

    assert seen.body["translators"]["enabled"] is True
    assert seen.body["interpreting"]["stored"] == 1
    assert (refused.status, refused.code) == (403, "forbidden")
