"""Who is typing: pace, expiry, and how much an event may say."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fields import ParticipantId
from engine.domain.signals import Typing
from engine.timelines.typists import EXPIRY, INTERVAL, LISTED, Typists

A, B = ParticipantId("a"), ParticipantId("b")


def test_the_first_typist_is_told_at_once_and_the_second_within_a_second() -> None:
    typists = Typists()
    typists.start(A, 10.0)

    first = typists.take(10.0)
    typists.start(B, 10.2)
    early = typists.take(10.2)

    assert (first, early) == (Typing((A,)), None)
    assert typists.due == 10.0 + INTERVAL
    assert typists.take(typists.due) == Typing((A, B))


def test_typing_ends_by_itself_unless_it_is_said_again() -> None:
    typists = Typists()
    typists.start(A, 0.0)
    typists.start(B, 0.0)
    typists.take(0.0)
    typists.start(B, 4.0)

    assert typists.take(EXPIRY) == Typing((B,))
    assert typists.take(4.0 + EXPIRY) == Typing(())
    assert typists.due == float("inf")


def test_who_begins_and_ends_between_two_events_is_never_told() -> None:
    typists = Typists()
    typists.start(A, 0.0)
    typists.take(0.0)

    typists.start(B, 0.1)
    typists.stop(B)

    assert typists.take(INTERVAL) is None


def test_an_event_names_ten_and_counts_the_rest() -> None:
    typists = Typists()
    for number in range(LISTED + 7):
        typists.start(ParticipantId(f"p{number}"), 0.0)

    typing = typists.take(0.0)

    assert typing == Typing(tuple(ParticipantId(f"p{number}") for number in range(LISTED)), 7)


_PEOPLE = st.integers(0, 14).map(lambda number: ParticipantId(f"p{number}"))
_STEPS = st.lists(st.tuples(st.sampled_from(["start", "stop", "wait"]), _PEOPLE, st.floats(0.01, 3.0)), max_size=60)


@given(_STEPS)
def test_whatever_happens_events_keep_the_pace_and_end_in_the_truth(
    steps: list[tuple[str, ParticipantId, float]],
) -> None:
    typists, now, told = Typists(), 0.0, Typing(())
    until: dict[ParticipantId, float] = {}
    sent: list[float] = []

    def run_to(moment: float) -> None:
        nonlocal now, told
        while (due := max(typists.due, now)) <= moment:
            now = due
            event = typists.take(now)
            if event is not None:
                sent.append(now)
                told = event
            elif typists.due <= now:
                pytest.fail("due, and nothing to tell: a timer would never rest")
        now = moment

    for step, person, seconds in steps:
        if step == "start":
            typists.start(person, now)
            until[person] = now + EXPIRY
        elif step == "stop":
            typists.stop(person)
            until.pop(person, None)
        run_to(now)
        if step == "wait":
            run_to(now + seconds)
    run_to(now + INTERVAL)
    typing = {person for person, end in until.items() if end > now + 1e-5}
    lately = {person for person, end in until.items() if end > now - INTERVAL - 1e-5}

    assert all(later - earlier >= INTERVAL - 1e-5 for earlier, later in pairwise(sent))
    assert len(typing) <= len(told.participants) + told.more <= len(lately)
    assert set(told.participants) <= lately
    assert told.more or typing <= set(told.participants)
    run_to(now + EXPIRY + 2 * INTERVAL)
    assert (told, typists.due) == (Typing(()), float("inf"))
