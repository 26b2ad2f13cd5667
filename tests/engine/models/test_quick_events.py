"""Events that are read quickly are those that OpenAI's client reads."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from engine.agents.quick_events import QuickEvents

pytestmark = pytest.mark.anyio

EVENTS = (
    b'data: {"choices": []}\n\n',
    'data: {"text": "Käse"}\n\n'.encode(),
    b"data: [DONE]\n\n",
    b": is there anybody?\n\n",
    b"data:{}\n\n",
    b'data: {"a":\ndata: 1}\n\n',
    b'event: error\ndata: {"error": {}}\n\n',
    b'data: {"b": 2}\r\n\r\n',
    b'id: 7\ndata: {"c": 3}\n\n',
    b"data: \n\n",
    b"\n",
    b'data: {"unfinished',
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@given(st.lists(st.sampled_from(EVENTS)), st.lists(st.integers(min_value=1, max_value=40)))
@example([*EVENTS[:3]], [7])
async def test_events_are_those_of_the_client_however_their_bytes_are_cut(events: list[bytes], cuts: list[int]) -> None:
    parts = cut(b"".join(events), cuts)

    quick = await heard(QuickEvents(SSEDecoder()), parts)

    assert quick == await heard(SSEDecoder(), parts)


@pytest.mark.parametrize("data", ['{"a": NaN}', '{"a": "\\ud800"}', "nonsense", ""])
async def test_json_is_what_the_client_takes_for_it(data: str) -> None:
    parts = [f"data: {data}\n\n".encode()]

    assert await meant(QuickEvents(SSEDecoder()), parts) == await meant(SSEDecoder(), parts)


def cut(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    parts: list[bytes] = []
    for size in cuts:
        parts.append(data[:size])
        data = data[size:]
    return [*parts, data]


async def heard(decoder: Any, parts: Sequence[bytes]) -> list[tuple[str | None, str]]:
    return [(each.event, each.data) async for each in decoder.aiter_bytes(each_of(parts))]


async def meant(decoder: Any, parts: Sequence[bytes]) -> list[str]:
    """What the events say as JSON; where it is none, what is raised."""
    found: list[str] = []
    async for each in decoder.aiter_bytes(each_of(parts)):
        try:
            found.append(repr(each.json()))
        except json.JSONDecodeError as error:
            found.append(str(error))
    return found


async def each_of(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
