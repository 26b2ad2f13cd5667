from hypothesis import given
from hypothesis import strategies as st

from gateway.realtime.outbox import Outbox


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
