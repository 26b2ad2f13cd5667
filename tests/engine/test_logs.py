import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.accounts.tokens import AccessTokens, new_refresh_token
from engine.clock import SystemClock
from engine.domain.fields import ParticipantId
from engine.domain.messages import Draft
from engine.logs import HIDDEN, configure_logging, hide_secrets, scrubbed
from engine.settings import LogFormat, LogLevel

TEXT = "the words that were said"


@pytest.fixture
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], _ = before
    root.setLevel(before[1])
    structlog.reset_defaults()


@pytest.fixture
def stream(_restored: None) -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_fields(stream: io.StringIO):
    configure_logging(LogLevel.INFO, LogFormat.JSON, stream=stream)

    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("room.activated", offset=7)

    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {"event": "room.activated", "offset": 7, "level": "info", "request_id": "r1"}


def test_records_of_the_standard_library_go_the_same_way(stream: io.StringIO):
    configure_logging(LogLevel.INFO, LogFormat.JSON, stream=stream)

    logging.getLogger("aiohttp.server").error("Error handling %s", "request")

    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("Error handling request", "aiohttp.server", "error")


def test_what_is_less_severe_than_the_level_is_not_logged(stream: io.StringIO):
    configure_logging(LogLevel.WARNING, LogFormat.CONSOLE, stream=stream)

    structlog.get_logger().info("quiet.event")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    structlog.get_logger().warning("loud.event")

    assert "loud.event" in stream.getvalue()
    assert "quiet.event" not in stream.getvalue()
    assert "SELECT" not in stream.getvalue()


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_traceback_is_logged_without_local_variables_and_tokens(stream: io.StringIO, form: LogFormat):
    configure_logging(LogLevel.INFO, form, stream=stream)
    refresh_token = new_refresh_token()

    try:
        local = TEXT
        raise RuntimeError(f"{len(local)} failed for {refresh_token}")
    except RuntimeError:
        structlog.get_logger().exception("request.crashed")

    assert "RuntimeError: 24 failed for" in stream.getvalue()
    assert refresh_token not in stream.getvalue()
    assert TEXT not in stream.getvalue()


@pytest.mark.parametrize("form", list(LogFormat))
def test_no_token_password_or_message_text_can_be_logged(stream: io.StringIO, form: LogFormat):
    configure_logging(LogLevel.DEBUG, form, stream=stream)
    access = AccessTokens("key").sign(ParticipantId("ada"), "family", now=SystemClock().now())
    secrets = [access, new_refresh_token(), "tell-nobody", TEXT]
    log, standard = structlog.get_logger(), logging.getLogger("aiohttp.server")

    log.info("a", password="tell-nobody", text=TEXT, nested={"list": [{"Access-Token": access, "token": secrets[1]}]})
    log.info("b", draft=Draft(text=TEXT), command=SimpleNamespace(token="tell-nobody"), exchanged=secrets[1])
    log.info("c", inner=[Draft(text=TEXT), TEXT.encode()])
    log.info("d %s", access, url="postgresql://ada:tell-nobody@host/db", headers={"Authorization": f"Bearer {access}"})
    standard.warning("GET /x?token=tell-nobody&password=tell-nobody Bearer %s", "tell-nobody")
    standard.warning('body {"text": "%s", "password":"tell-nobody"}', TEXT)
    standard.error("(Error) [SQL: INSERT] [parameters: ('%s', 1)] (Background on this error at: ...)", TEXT)

    for secret in secrets:
        assert secret not in stream.getvalue()
    assert stream.getvalue().count(HIDDEN) >= 10


def test_a_struct_with_a_text_is_logged_by_its_other_fields():
    event = hide_secrets(None, "info", {"command": Draft(text=TEXT, client_id="c-1")})

    assert event["command"]["client_id"] == "c-1"
    assert event["command"]["text"] == HIDDEN


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_logged_can_be_encoded(value: object):
    event = hide_secrets(None, "info", {"value": value})

    assert msgspec.json.encode(event["value"]) or True


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str):
    assert scrubbed(scrubbed(text)) == scrubbed(text)
