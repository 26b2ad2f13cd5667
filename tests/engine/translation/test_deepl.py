"""The real client of DeepL against a server that speaks its protocol: what it is asked, and what becomes of each of its failures."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import active_count
from typing import Any

import anyio
import pytest

from actors import ActorSystem
from engine.clock import SystemClock
from engine.translation import TranslationFailed, Translators, Work
from engine.translation.deepl import DeepL
from tests.engine.translation.interpreting import Answers, only, translating, until, work
from tests.support.deepl_server import KEY, Answer, Changed, DeepLServer, Drip, Fault, Reset, Silence

pytestmark = pytest.mark.anyio

SLOW = frozenset({"silence", "slow drip of the body", "slow drip of the head"})
ON_ONE_LOOP = pytest.mark.parametrize("anyio_backend", ["asyncio"])  # what is in the threads does not know of it


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is the matter here, not when."""
    monkeypatch.setattr("engine.translation.interpreters.FIRST_PAUSE", 0.02)
    monkeypatch.setattr("engine.translation.gate.FIRST_PAUSE", 0.05)


@pytest.fixture
def server() -> Iterator[DeepLServer]:
    with DeepLServer() as server:
        yield server


@asynccontextmanager
async def deepl(server: DeepLServer, **changes: Any) -> AsyncIterator[Translators]:
    """Translators on this server, which have let go of it in the end."""
    changes = {
        "translation_provider": "deepl",
        "deepl_auth_key": KEY,
        "deepl_server_url": server.url,
        "translation_timeout": 10,
        "translation_deadline": 20,
        **changes,
    }
    async with ActorSystem("test") as system, translating(system, **changes) as translators:
        await until(lambda: only(translators).quota_limit is not None or server.others is not None)
        yield translators
    await until(lambda: not server.connections)


async def failed(translators: Translators, wanted: Work) -> TranslationFailed:
    with pytest.raises(TranslationFailed) as failure:
        await translators.translate(wanted)
    return failure.value


# -- what it is asked ----------------------------------------------------------------------------------------------------


async def test_a_text_is_translated_and_what_must_not_change_is_not(server: DeepLServer):
    async with deepl(server) as translators:
        rendering = await translators.translate(
            work("## See @ada\n- **the `code`** & <b>https://example.org/a?b=c&d</b>\n🙂 fish & chips 🙂", source=None)
        )

    assert rendering.text == "## SEE @ada\n- **THE `code`** & <b>https://example.org/a?b=c&d</b>\n🙂 FISH & CHIPS 🙂"
    assert (rendering.source, rendering.target, rendering.provider) == ("en", "de", "deepl")


async def test_one_message_in_eight_languages_is_seven_texts_in_seven_requests(server: DeepLServer):
    targets = ["de", "fr", "es", "it", "pt-BR", "ja", "pl", "en"]
    answers = Answers()

    async with deepl(server) as translators:
        for target in targets:
            answers.request(translators, work(target=target), target)
        await until(lambda: len(answers.of) == len(targets))
        for target in targets:
            assert (await translators.translate(work(target=target))).text == answers.text(target)

    assert answers.text("en") == "good morning"
    assert sorted(request["target_lang"] for request in server.requests) == [
        "DE",
        "ES",
        "FR",
        "IT",
        "JA",
        "PL",
        "PT-BR",
    ]
    assert server.texts == [["good morning"]] * 7


async def test_messages_of_many_rooms_to_one_language_go_in_requests_of_fifty(server: DeepLServer):
    answers = Answers()

    async with deepl(server) as translators:
        for number in range(120):
            answers.request(translators, work(f"number {number}", group=f"room:{number}"), number)
        await until(lambda: len(answers.of) == 120)

    assert [answers.text(number) for number in range(120)] == [f"NUMBER {number}" for number in range(120)]
    assert sorted(len(texts) for texts in server.texts) == [20, 50, 50]


@pytest.mark.parametrize(
    ("tag", "code"),
    [("en", "EN-US"), ("en-AU", "EN-GB"), ("pt", "PT-BR"), ("pt-PT", "PT-PT"), ("zh-TW", "ZH-HANT"), ("zh", "ZH-HANS")],
)
async def test_a_language_is_asked_for_by_deepls_code(server: DeepLServer, tag: str, code: str):
    async with deepl(server) as translators:
        await translators.translate(work("hallo welt", source="de-AT", target=tag))

    assert [(each["source_lang"], each["target_lang"]) for each in server.requests] == [("DE", code)]


async def test_context_formality_and_model_go_along(server: DeepLServer):
    async with deepl(server, deepl_model="quality_optimized") as translators:
        await translators.translate(work(context=("who is there?", "it is me"), formality="more", target="en-GB"))
        await translators.translate(work(context=("who is there?", "it is me"), formality="more", source="es"))

    (request,) = server.requests
    assert request["context"] == "who is there?\nit is me"
    assert request["formality"] == "prefer_more"  # insisting would be an error for languages without
    assert request["model_type"] == "quality_optimized"


async def test_a_glossary_is_used_where_it_fits_and_left_out_where_it_does_not(server: DeepLServer):
    server.glossaries["tea"] = ("EN", "DE")

    async with deepl(server) as translators:
        await translators.translate(work(glossary="tea"))
        await translators.translate(work(glossary="gone"))
        await translators.translate(work("good evening", glossary="gone"))
        status = only(translators)

    assert [request.get("glossary_id") for request in server.requests] == ["tea", "gone", None, None]
    assert (status.state, status.failures) == ("ready", {})


async def test_a_language_that_deepl_does_not_have_is_unsupported_without_a_request(server: DeepLServer):
    async with deepl(server) as translators:
        error = await failed(translators, work(target="tlh"))

    assert (error.code, error.retry_after) == ("unsupported", None)
    assert server.requests == []


async def test_a_text_too_long_for_a_request_is_refused_before_it(server: DeepLServer):
    async with deepl(server) as translators:
        longest = await translators.translate(work("你好" * 9_000, source="zh", target="de"))
        error = await failed(translators, work("x " * 9_001))

    assert len(longest.text) == 18_000
    assert error.code == "too_long"


def _limits(name: str, *, timeout: float, deadline: float) -> dict[str, float]:
    """Seconds for one request, where that is what the test is about, and for all of it."""
    return {"translation_timeout": timeout if name in SLOW else 10, "translation_deadline": deadline}


# -- how it fails --------------------------------------------------------------------------------------------------------

PASSING: dict[str, Fault] = {
    "429": Answer(429),
    "429 with Retry-After": Answer(429, retry_after="2"),
    "529": Answer(529),
    "500": Answer(500, b"<html>oops</html>"),
    "503": Answer(503),
    "silence": Silence(),
    "slow drip of the body": Drip(0.05),
    "slow drip of the head": Drip(0.05, head=True),
    "reset before the answer": Reset(None),
    "reset in mid-body": Reset(20),
    "not JSON": Answer(200, b'{"translations": [{"te'),
    "not an object": Answer(200, b"[]"),
    "not translations": Answer(200, b'{"translations": [7]}'),
    "one too few": Changed(lambda translations: translations[:-1]),
    "one too many": Changed(lambda translations: [*translations, translations[0]]),
    "no text": Changed(lambda translations: [{**translations[0], "text": None}]),
    "no language": Changed(lambda translations: [{**translations[0], "detected_source_language": ""}]),
}
COUNTED = {
    "429": "rate_limited",
    "429 with Retry-After": "rate_limited",
    "529": "rate_limited",
    "500": "unavailable",
    "503": "unavailable",
    "silence": "timeout",
    "slow drip of the body": "timeout",
    "slow drip of the head": "timeout",
    "reset before the answer": "unavailable",
    "reset in mid-body": "unavailable",
}


@ON_ONE_LOOP
@pytest.mark.parametrize("name", PASSING)
async def test_what_passes_is_tried_again_and_translated_once(server: DeepLServer, name: str):
    server.faults.append(PASSING[name])

    async with deepl(server, **_limits(name, timeout=2, deadline=30)) as translators:
        began = anyio.current_time()
        rendering = await translators.translate(work("see `x` there", source=None))
        took = anyio.current_time() - began
        status, whole = only(translators), translators.status()

    assert rendering.text == "SEE `x` THERE"
    assert status.failures == {COUNTED.get(name, "malformed"): 1}
    assert (whole.requested, whole.translated, whole.failed) == (1, 1, {})
    assert status.breaker == "closed"
    assert "Retry-After" not in name or took >= 2.0
    assert len(server.requests) == 2, "one failed, one did not"


LASTING: dict[str, tuple[Fault, str, str, str, str]] = {
    # what happens, and then: the failure's code, the state, the breaker, what is counted
    "403": (Answer(403), "unavailable", "unauthorized", "closed", "unauthorized"),
    "456": (Answer(456), "quota", "quota_exceeded", "closed", "quota"),
    "429": (Answer(429, retry_after="120"), "unavailable", "rate_limited", "closed", "rate_limited"),
    "503": (Answer(503, retry_after="120"), "unavailable", "unavailable", "closed", "unavailable"),
    "500": (Answer(500), "unavailable", "unavailable", "open", "unavailable"),
    "silence": (Silence(), "unavailable", "unavailable", "open", "timeout"),
    "not JSON": (Answer(200, b"oops"), "unavailable", "unavailable", "open", "malformed"),
    "400": (Answer(400), "refused", "ready", "closed", "refused"),
    "damaged": (Changed(lambda each: [{**each[0], "text": "X"}]), "damaged", "ready", "closed", "damaged"),
}


@ON_ONE_LOOP
@pytest.mark.parametrize("name", LASTING)
async def test_what_lasts_leads_to_its_documented_state(server: DeepLServer, name: str):
    server.always, code, state, breaker, counted = LASTING[name]

    async with deepl(server, **_limits(name, timeout=0.7, deadline=4)) as translators:
        error = await failed(translators, work("see `x` there"))
        if breaker == "open":
            error = await failed(translators, work("see `y` there"))
        status, whole = only(translators), translators.status()

    assert (error.code, status.state, status.breaker) == (code, state, breaker)
    assert set(status.failures) == {counted}
    assert sum(whole.failed.values()) == whole.requested
    assert (error.retry_after is None) == (state == "ready")
    assert (status.retry_at is None) == (state == "ready")
    assert status.last_error is not None
    assert KEY not in status.last_error + str(error)
    assert "there" not in status.last_error + str(error)


async def test_a_pause_that_deepl_asks_for_is_shown_and_kept(server: DeepLServer):
    server.faults.append(Answer(429, retry_after="120"))

    async with deepl(server) as translators:
        first = await failed(translators, work())
        second = await failed(translators, work("good evening"))
        retry_at = only(translators).retry_at

    assert len(server.requests) == 1
    assert first.retry_after == pytest.approx(120, abs=2)
    assert second.retry_after == pytest.approx(120, abs=4)
    assert retry_at is not None
    assert abs(retry_at - SystemClock().now() - timedelta(seconds=120)) < timedelta(seconds=10)


async def test_a_quota_that_is_used_up_is_seen_before_anything_is_asked(server: DeepLServer):
    server.used = server.limit

    async with deepl(server) as translators:
        error = await failed(translators, work())
        status = only(translators)

    assert error.code == "quota"
    assert (status.state, status.quota_used, status.quota_limit) == ("quota_exceeded", 500_000, 500_000)
    assert server.requests == []


async def test_a_text_that_is_turned_down_does_not_take_others_of_its_request_with_it(server: DeepLServer):
    server.faults.append(Answer(400))
    answers = Answers()

    async with deepl(server) as translators:
        for number in range(3):
            answers.request(translators, work(f"number {number}", group=f"room:{number}"), number)
        server.faults.extend([Answer(400)])
        await until(lambda: len(answers.of) == 3)

    codes = [answers.of[number].error is None or answers.code(number) for number in range(3)]
    assert sorted(codes, key=str) == [True, True, "refused"]
    assert sorted(len(texts) for texts in server.texts) == [1, 1, 1, 3]


async def test_languages_that_cannot_be_looked_up_are_those_that_are_built_in(server: DeepLServer):
    server.others = Answer(500)

    async with deepl(server) as translators:
        rendering = await translators.translate(work(target="pt-BR"))
        await until(lambda: "/v2/languages" in server.paths)

    assert rendering.text == "GOOD MORNING"
    assert "/v2/languages" in server.paths


@pytest.mark.parametrize("fault", [Silence(), Drip(0.05)])
async def test_a_call_that_is_cancelled_ends_its_thread_and_its_connection(server: DeepLServer, fault: Fault):
    server.always = fault
    provider = DeepL(KEY, SystemClock(), server_url=server.url, timeout=60)
    await provider.usage()
    threads = active_count()

    with anyio.move_on_after(0.2):
        await provider.usage()
        server.others = fault
        await provider.usage()

    await until(lambda: not server.connections and active_count() <= threads)
    provider.close()


async def test_connections_are_kept_for_the_next_request_and_no_more_than_requests_at_a_time(server: DeepLServer):
    async with deepl(server, translation_concurrency=2, translation_deadline=10) as translators:
        for number in range(10):
            async with anyio.create_task_group() as group:
                for target in ("de", "fr", "es", "it"):
                    group.start_soon(translators.translate, work(f"number {number}", target=target))

    assert len(server.requests) == 40
    assert server.accepted <= 3  # two, and one for usage and languages
