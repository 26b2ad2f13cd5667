import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.answers import AnswerDelta
from engine.timelines.fanout import Delta
from gateway.realtime.outbox import Outbox
from gateway.realtime.protocol import publication_push


def outbox(limit: int = 1000) -> Outbox:
    return Outbox(limit, lambda: None)


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=40)), max_size=40), st.integers(1, 200))
def test_everything_leaves_in_order_in_frames_within_the_limit(items: list[tuple[bool, bytes]], limit: int) -> None:
    box = outbox(10_000)
    lines = [item.replace(b"\n", b" ") for _, item in items]
    for (pushed, _), line in zip(items, lines, strict=True):
        if pushed:
            assert box.push(line)
        else:
            box.reply(line)

    frames = []
    while frame := box.take(limit):
        frames.append(frame)

    assert b"\n".join(frames) == b"\n".join(lines)
    assert all(len(frame) <= limit or b"\n" not in frame for frame in frames)
    assert box.size == 0
    assert box.push(b"x" * 10_000)


def test_what_may_be_missed_leaves_half_the_room_to_what_may_not() -> None:
    box = outbox(10)

    offered = [box.offer(b"12345"), box.offer(b"x")]

    assert offered == [True, False]
    assert box.push(b"67890")
    assert box.take(100) == b"12345\n67890"


def test_pushes_are_refused_over_the_limit_and_replies_never() -> None:
    box = outbox(10)

    for _ in range(100):
        box.reply(b"reply")

    assert box.full
    assert box.push(b"0123456789")
    assert not box.push(b"x")


def test_what_is_held_back_counts_as_pushed() -> None:
    box = outbox(10)

    assert box.hold(8)

    assert not box.push(b"abc")
    assert not box.hold(3)
    box.release(8)
    assert box.push(b"abc")


def test_the_writer_is_woken_once_until_it_has_taken_everything() -> None:
    woken = []
    box = Outbox(1000, lambda: woken.append(True))

    box.reply(b"1")
    box.push(b"2")
    assert len(woken) == 1
    box.take(1000)
    box.reply(b"3")

    assert len(woken) == 2


def test_a_closed_outbox_keeps_or_forgets_what_waits_and_takes_nothing_more() -> None:
    kept, dropped = outbox(), outbox()
    kept.reply(b"last words")
    dropped.reply(b"last words")

    kept.close(drop=False)
    dropped.close(drop=True)
    kept.reply(b"too late")
    assert dropped.push(b"too late")

    assert kept.take(1000) == b"last words"
    assert kept.take(1000) == b""
    assert dropped.take(1000) == b""


# Answers


def pieces(answer_id: str, texts: list[str]) -> list[Delta]:
    lengths = itertools.accumulate(map(len, texts))
    return [
        Delta("room:1", AnswerDelta(answer_id, index, text, length))
        for index, (text, length) in enumerate(zip(texts, lengths, strict=True))
    ]


def said(frame: bytes) -> list[dict[str, Any]]:
    pushes = [json.loads(line)["push"]["pub"]["data"] for line in frame.split(b"\n") if line.startswith(b'{"push"')]
    return [push for push in pushes if push["type"] == "answer.delta"]


def test_a_reader_who_keeps_up_gets_every_delta_as_it_is() -> None:
    box = outbox(10_000)
    taken = []

    for delta in pieces("a1", ["one ", "two ", "three"]):
        box.extend(delta, publication_push)
        taken.append(box.take(10_000))

    assert [[(each["index"], each["text"], each["length"]) for each in said(frame)] for frame in taken] == [
        [(0, "one ", 4)],
        [(1, "two ", 8)],
        [(2, "three", 13)],
    ]


def test_deltas_of_an_answer_that_wait_leave_as_one_in_the_place_of_the_first() -> None:
    box = outbox(10_000)
    one, other = pieces("a1", ["one ", "two ", "three"]), pieces("a2", ["eins ", "zwei"])

    for delta in (one[0], other[0], one[1]):
        box.extend(delta, publication_push)
    box.push(b"something else")
    for delta in (other[1], one[2]):
        box.extend(delta, publication_push)
    frame = box.take(10_000)

    assert [(each["answer_id"], each["index"], each["text"], each["length"]) for each in said(frame)] == [
        ("a1", 2, "one two three", 13),
        ("a2", 1, "eins zwei", 9),
    ]
    assert frame.endswith(b"\nsomething else")
    assert box.size == 0


def test_a_delta_does_not_overtake_a_reply_which_may_say_what_the_answer_was() -> None:
    box = outbox(10_000)
    first, second = pieces("a1", ["one ", "two"])

    box.extend(first, publication_push)
    box.reply(b"the text so far")
    box.extend(second, publication_push)
    frame = box.take(10_000)

    assert [each["text"] for each in said(frame)] == ["one ", "two"]
    assert frame.split(b"\n")[1] == b"the text so far"


def test_of_a_delta_that_joins_others_only_its_text_counts() -> None:
    box = outbox(100_000)

    for delta in pieces("a1", ["x"] * 1_000):
        box.extend(delta, publication_push)

    assert box.size < 4_000
    (whole,) = said(box.take(100_000))
    assert whole["text"] == "x" * 1_000


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30))
def test_what_waits_counts_at_least_what_it_takes(texts: list[str]) -> None:
    box = outbox(1_000_000)

    for delta in pieces("a1", texts):
        box.extend(delta, publication_push)

    assert box.size >= len(box.take(1_000_000))


def test_deltas_never_fill_the_queue_and_what_is_missed_shows_in_the_length() -> None:
    box = outbox(1_000)
    deltas = pieces("a1", ["x" * 100] * 20)

    for delta in deltas[:-1]:
        box.extend(delta, publication_push)
    pushed = box.push(b"y" * 500)
    first = box.take(10_000)
    box.extend(deltas[-1], publication_push)
    (before,) = said(first)
    (after,) = said(box.take(10_000))

    assert pushed
    assert before["length"] == len(before["text"]) < 1_000
    assert (after["index"], after["length"] - len(after["text"])) == (19, 1_900)


@given(
    st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40),
    st.lists(st.sampled_from(["take", "push", "reply"]), max_size=40),
    st.integers(1, 400),
)
def test_whatever_waits_and_leaves_between_a_reader_puts_the_same_text_together(
    texts: list[str], between: list[str], limit: int
) -> None:
    box = outbox(100_000)
    frames = []

    for delta, step in itertools.zip_longest(pieces("a1", texts), between):
        if delta is not None:
            box.extend(delta, publication_push)
        match step:
            case "take":
                frames.append(box.take(limit))
            case "push":
                box.push(b"{}")
            case "reply":
                box.reply(b"{}")
    while frame := box.take(limit):
        frames.append(frame)

    heard = [each for frame in frames for each in said(frame)]
    text = ""
    for each in heard:
        text += each["text"]
        assert each["length"] == len(text)
    assert text == "".join(texts)
    assert [each["index"] for each in heard] == sorted({each["index"] for each in heard})
    assert box.size == 0
