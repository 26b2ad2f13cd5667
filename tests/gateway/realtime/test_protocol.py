import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.timelines.commands import Subscriptions
from engine.timelines.fanout import ClientInfo, Publication
from gateway.realtime import codes, protocol
from gateway.realtime.protocol import BadCommand, Malformed, decode_frame

ids = st.integers(1, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(ids, texts, json_values), min_size=1, max_size=5))
def test_commands_joined_by_newlines_come_apart_in_order(calls: list[tuple[int, str, Any]]) -> None:
    lines = [json.dumps({"id": number, "rpc": {"method": method, "data": data}}) for number, method, data in calls]

    commands = list(decode_frame("\n".join(lines).encode()))

    decoded = [(each.id, each.rpc.method, json.loads(bytes(each.rpc.data))) for each in commands]  # type: ignore[union-attr]
    assert decoded == calls


@given(st.binary() | texts.map(str.encode) | json_values.map(lambda value: json.dumps(value).encode()))
def test_a_frame_is_commands_or_malformed_and_nothing_else(frame: bytes) -> None:
    with contextlib.suppress(Malformed):
        list(decode_frame(frame))


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\xff",
        b"[]",
        b"1",
        b"null",
        b'"text"',
        b'{"rpc":{"method":"post"}}',
        b'{"id":0,"rpc":{"method":"post"}}',
        b'{"id":-1,"rpc":{}}',
        b'{"id":"1","rpc":{}}',
        b'{"id":1.5,"rpc":{}}',
        b'{"id":true,"rpc":{}}',
        b'{"id":4294967296,"rpc":{}}',
        b'{"id":1}{"id":2}',
        b'{"id":1,"rpc":{"data":' + b"[" * 100_000,
        b'{"id":1,"rpc":{"data":nope}}',
    ],
)
def test_what_is_not_the_protocol_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        list(decode_frame(line))


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":7,"rpc":5}',
        b'{"id":7,"rpc":{"method":5}}',
        b'{"id":7,"subscribe":{"channel":null}}',
        b'{"id":7,"subscribe":{"channel":"room:1","offset":-1}}',
        b'{"id":7,"history":{"channel":"room:1","limit":-2}}',
        b'{"rpc":{"method":"\\ud800"},"id":7}',
        b'{"id":7,"connect":{"subs":[]}}',
    ],
)
def test_a_member_of_a_wrong_type_keeps_the_id(line: bytes) -> None:
    assert list(decode_frame(line)) == [BadCommand(7)]


def test_commands_before_a_malformed_line_are_still_given() -> None:
    frame = decode_frame(b'{"id":1,"ping":{}}\nnope')

    assert next(frame).id == 1
    with pytest.raises(Malformed):
        next(frame)


def test_unknown_members_of_the_envelope_are_let_pass() -> None:
    line = b'{"id":1,"future":{},"subscribe":{"channel":"room:1","flag":1,"type":0,"tf":null,"cursor":""}}'

    (command,) = decode_frame(line)

    assert command.subscribe.channel == "room:1"  # type: ignore[union-attr]


def test_empty_lines_carry_nothing_and_an_empty_object_is_a_pong() -> None:
    assert list(decode_frame(b"\n \n{}\n\r\n")) == [protocol.PONG]


@given(texts, st.none() | st.integers(1, 2**53), json_values)
def test_a_publication_push_is_one_line_of_json_with_the_data_untouched(
    channel: str, offset: int | None, data: Any
) -> None:
    item = Publication(channel, offset, msgspec.json.encode(data))

    push = protocol.publication_push(item)

    assert b"\n" not in push
    expected = {"data": data} if offset is None else {"offset": offset, "data": data}
    assert json.loads(push) == {"push": {"channel": channel, "pub": expected}}


@given(ids, st.sampled_from(list(codes.PROBLEMS.values())))
def test_an_error_says_whether_it_passes(command_id: int, problem: codes.ErrorReply) -> None:
    decoded = json.loads(protocol.error(command_id, problem))

    expected = {"code": problem.code, "message": problem.message}
    assert decoded == {"id": command_id, "error": {**expected, "temporary": True} if problem.temporary else expected}


def test_our_own_errors_have_a_number_each_and_the_problem_code_as_message() -> None:
    ours = {code: problem for code, problem in codes.PROBLEMS.items() if problem.code >= 400}

    assert len({problem.code for problem in ours.values()}) == len(ours)
    assert all(problem.message == code for code, problem in ours.items())


def test_presence_lists_clients_and_counts_people() -> None:
    clients = [ClientInfo("c1", "ada"), ClientInfo("c2", "ada")]  # type: ignore[arg-type]

    assert json.loads(protocol.presence_result(clients))["presence"]["c2"] == {"user": "ada", "client": "c2"}
    counted = Subscriptions(clients=3, people=2)
    assert json.loads(protocol.presence_stats_result(counted)) == {"num_clients": 3, "num_users": 2}
