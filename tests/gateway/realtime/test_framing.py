"""How frames and events are written into streams, on bytes."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.timelines.fanout import Publication
from gateway.realtime import codes, protocol, server_sent
from gateway.realtime.framing import events, lines
from gateway.realtime.protocol import Emulated
from tests.support.server_sent import EventParser, ServerSentEvent

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.lists(st.dictionaries(texts, texts | st.integers(-(2**53), 2**53) | st.none(), max_size=3), min_size=1)


def frame_of(items: list[Any]) -> bytes:
    return protocol.join_frame(map(msgspec.json.encode, items))


@given(values)
def test_lines_hold_the_same_values_in_ascii(items: list[Any]) -> None:
    written = lines(frame_of(items))

    assert written.isascii()
    assert written.endswith(b"\n")
    assert [json.loads(line) for line in written.split(b"\n")[:-1]] == items


@given(values, st.integers(1, 50))
def test_events_hold_the_same_values_however_the_network_cuts_them(items: list[Any], piece: int) -> None:
    written = events(frame_of(items))

    parser = EventParser()
    seen = [event for at in range(0, len(written), piece) for event in parser.feed(written[at : at + piece])]

    assert [event.data for event in seen] == items
    assert {event.kind for event in seen} == {"message"}


def test_a_publication_is_an_event_of_its_type_with_its_offset_as_id() -> None:
    data = b'{"type":"message.posted","offset":7,"text":"a\\nb"}'
    ephemeral = b'{"type":"typing"}'

    blocks = [
        server_sent.publication_event(Publication("room:1", 7, data)),
        server_sent.publication_event(Publication("room:1", None, ephemeral)),
    ]
    seen = EventParser().feed(b"\n".join(blocks) + b"\n")

    assert blocks[0].startswith(b"id: 7\n")
    assert b"id:" not in blocks[1]
    assert seen == [
        ServerSentEvent("message.posted", data.decode(), "7"),
        ServerSentEvent("typing", ephemeral.decode(), "7"),
    ]


def test_the_opening_sets_the_position_without_an_event() -> None:
    parser = EventParser()

    assert parser.feed(server_sent.opening(2.0, 44) + b"\n") == []

    assert (parser.retry, parser.last_id) == (2000, "44")


def test_the_opening_leaves_a_position_that_the_client_named_alone() -> None:
    assert server_sent.opening(2.0, None) == b"retry: 2000\n"


def test_a_reset_moves_the_position_and_says_what_is_missing() -> None:
    block = server_sent.reset(codes.UNRECOVERABLE_POSITION, 3, (20_000, "k3"))
    (seen,) = EventParser().feed(block + b"\n")

    missing = {"code": 112, "reason": "unrecoverable position", "since": 3, "offset": 20_000, "epoch": "k3"}
    assert (seen.kind, seen.last_id, seen.data) == ("reset", "20000", missing)


def test_the_end_has_realtimes_number_and_no_id() -> None:
    whys: list[codes.Unsubscribed | codes.Disconnect | codes.ErrorReply]
    whys = [codes.NOT_A_MEMBER, codes.SHUTDOWN, codes.PERMISSION_DENIED]

    seen = EventParser().feed(b"".join(server_sent.end(why) + b"\n" for why in whys))

    assert [(event.kind, event.last_id) for event in seen] == [("end", "")] * 3
    assert [event.data["code"] for event in seen] == [2000, 3001, 103]


def test_a_heartbeat_is_no_event() -> None:
    parser = EventParser()

    assert parser.feed(server_sent.HEARTBEAT) == []
    assert parser.comments == 1


def test_the_answer_to_connect_names_the_session_only_where_there_is_one() -> None:
    def connected(emulated: Emulated | None) -> Any:
        return json.loads(protocol.connect_result("me", "gathering 1.0", ping=25, ttl=None, subs={}, emulated=emulated))

    plain = connected(None)

    assert connected(Emulated("s", "n")) == {**plain, "session": "s", "node": "n"}
    assert plain.keys().isdisjoint({"session", "node"})


def test_a_disconnect_is_a_push() -> None:
    assert protocol.disconnect_push(codes.SHUTDOWN) == b'{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}'
