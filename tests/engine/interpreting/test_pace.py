"""How fast translations may be kept: a few at a time, and never so few that they gather without bound."""

from itertools import pairwise
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interpreting.pace import EACH, LONGEST, PART, SOON, TICK, TOGETHER, Pace, Turn, company


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> Pace:
    return Pace(time)


def test_who_comes_alone_has_a_turn_at_once(pace: Pace, time: Time):
    first = pace.take()
    time.now += TICK

    assert (first, pace.take()) == (Turn(EACH, 0.0), Turn(EACH, 0.0))


def test_those_who_come_together_take_turns(pace: Pace):
    waits = [pace.take().wait for _ in range(1 + 2 * TOGETHER)]

    assert waits == pytest.approx([0.0, *[TICK] * TOGETHER, *[2 * TICK] * TOGETHER])


def test_who_comes_a_little_later_has_the_next_turn_with_others(pace: Pace, time: Time):
    pace.take()
    time.now += TICK / 4
    waits = [pace.take().wait]
    time.now += TICK / 4
    waits += [pace.take().wait]

    assert waits == pytest.approx([3 * TICK / 4, TICK / 2])


@given(moments=st.lists(st.floats(0.0, 0.5), min_size=1, max_size=100))
def test_turns_are_given_in_order_and_none_too_often(moments: list[float]):
    time = Time()
    pace = Pace(time)
    turns: list[float] = []

    for each in moments:
        time.now += each
        turns.append(time.now + pace.take().wait)

    apart = [not isclose(sooner, later) for sooner, later in pairwise(turns)]
    assert all(later > sooner for (sooner, later), new in zip(pairwise(turns), apart, strict=True) if new)
    assert all(any(apart[start : start + TOGETHER]) for start in range(len(apart) - TOGETHER + 1))


@pytest.mark.parametrize("rate", [100, 1000, 3000])
def test_nobody_waits_longer_and_longer_however_many_come(pace: Pace, time: Time, rate: int):
    waits = []

    for _ in range(20 * rate):
        time.now += 1 / rate
        waits.append(pace.take().wait)

    assert max(waits[10 * rate :]) <= 1.1 * max(waits[: 10 * rate]) + TICK
    assert max(waits) < rate * TICK * SOON + SOON


def test_who_has_to_wait_may_keep_more_then(pace: Pace):
    turns = [pace.take() for _ in range(100)]

    assert [turn.number for turn in turns] == [EACH * (1 + int(turn.wait / SOON)) for turn in turns]
    assert turns[-1].number > EACH


@pytest.mark.parametrize(
    ("took", "waits"), [(0.0, 0.0), (0.2, 0.2 * PART), (3.0, 3.0 * PART), (60.0, LONGEST), (float("-inf"), 0.0)]
)
def test_who_has_waited_waits_for_company_a_part_of_that(took: float, waits: float):
    assert company(took) == pytest.approx(waits)
