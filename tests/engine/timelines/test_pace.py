"""At most one in a while, whenever they come; and what comes at the pace itself is not held up."""

import hypothesis.strategies as st
from hypothesis import given

from engine.timelines.pace import Pace

INTERVAL, EARLY = 0.04, 0.015

Gaps = st.lists(st.floats(0.0, 0.2), min_size=1, max_size=60)


@given(gaps=Gaps, early=st.sampled_from([0.0, EARLY]))
def test_however_they_come_any_n_take_as_long_as_the_pace_says(gaps: list[float], early: float) -> None:
    pace, now, through = Pace(INTERVAL, early=early), 0.0, list[float]()

    for gap in gaps:
        now += gap
        if pace.allows(now):
            through.append(now)

    for first in range(len(through)):
        for last in range(first + 1, len(through)):
            assert through[last] - through[first] >= (last - first) * INTERVAL - early - 1e-4


@given(strays=st.lists(st.floats(0.0, EARLY), min_size=2, max_size=60))
def test_those_that_come_at_the_pace_and_stray_a_little_all_go_through_at_once(strays: list[float]) -> None:
    pace = Pace(INTERVAL, early=EARLY)

    assert all(pace.allows(number * INTERVAL + stray) for number, stray in enumerate(strays))


@given(gaps=Gaps)
def test_who_comes_when_it_is_said_goes_through(gaps: list[float]) -> None:
    pace, now = Pace(INTERVAL, early=EARLY), 0.0

    for gap in gaps:
        now += gap
        pace.allows(now)

        assert pace.allows(max(now, pace.next))
