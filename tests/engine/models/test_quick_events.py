"""Events that are read quickly are those that OpenAI's client reads."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai._streaming import ServerSentEvent, SSEDecoder

from engine.agents.quick_events import QuickEvents, parsed

EVENTS = (
    b'data: {"choices": []}\n\n',
    'data: {"text": "Käse"}\n\n'.encode(),
    b"data: [DONE]\n\n",
    b": is there anybody?\n\n",
    b"data:{}\n\n",
    b'data: {"a":\ndata: 1}\n\n',
    b'event: error\ndata: {"error": {}}\n\n',
    b'data: {"b": 2}\r\n\r\n',
    b'data: {"d":\r\ndata: 4}\r\r',
    b'id: 7\ndata: {"c": 3}\n\n',
    b"data: \n\n",
    b"\n",
    b'data: {"unfinished',
)


@given(st.lists(st.sampled_from(EVENTS)), st.lists(st.integers(min_value=1, max_value=40)))
@example([*EVENTS[:3]], [7])
def test_events_are_those_of_the_client_however_their_bytes_are_cut(events: list[bytes], cuts: list[int]) -> None:
    parts = cut(b"".join(events), cuts)

    assert heard(parts) == [event.data for event in heard_by_the_client(parts)]


@pytest.mark.parametrize("data", ['{"a": NaN}', '{"a": "\\ud800"}', "nonsense", ""])
def test_json_is_what_the_client_takes_for_it(data: str) -> None:
    [theirs] = heard_by_the_client([f"data: {data}\n\n".encode()])

    assert meant(lambda: parsed(data)) == meant(theirs.json)


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    parts: list[bytes] = []
    for size in cuts:
        parts.append(data[:size])
        data = data[size:]
    return [part for part in (*parts, data) if part]


def heard(parts: Sequence[bytes]) -> list[str]:
    events = QuickEvents(SSEDecoder())
    return [data for part in parts for data in events.feed(part)]


def heard_by_the_client(parts: Sequence[bytes]) -> list[ServerSentEvent]:
    return [*SSEDecoder().iter_bytes(iter(parts))]


def meant(read: Callable[[], Any]) -> str:
    """What is read; where it is no JSON, what is raised."""
    try:
        return repr(read())
    except json.JSONDecodeError as error:
        return str(error)
