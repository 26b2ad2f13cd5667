"""How fast translations may be kept: a few at a time, and never so few that they gather without bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.interpreting.pace import EACH, TICK, Pace, Places


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


def test_what_comes_alone_is_kept_at_once(pace: Pace, time: Time):
    first = pace.take(1)
    time.now += TICK

    assert (first, pace.take(1)) == (Places(1, 0.0), Places(1, 0.0))


def test_several_timelines_share_a_tick_until_it_is_full(pace: Pace):
    one, other, late = pace.take(EACH - 1), pace.take(5), pace.take(4)

    assert (one, other) == (Places(EACH - 1, 0.0), Places(1, 0.0))
    assert late.number == 4
    assert late.wait == pytest.approx(TICK)


@given(wanted=st.lists(st.integers(1, 60), min_size=1, max_size=100))
def test_places_are_given_in_order_and_some_to_everyone(wanted: list[int]):
    pace = Pace(Time())

    given = [pace.take(each) for each in wanted]

    assert all(1 <= places.number <= each for places, each in zip(given, wanted, strict=True))
    assert [places.wait for places in given] == sorted(places.wait for places in given)


@pytest.mark.parametrize("rate", [100, 1000, 5000])
def test_nobody_waits_longer_and_longer_however_many_come(pace: Pace, time: Time, rate: int):
    waits = []

    for _ in range(20 * rate):
        time.now += 1 / rate
        waits.append(pace.take(1).wait)

    assert max(waits[10 * rate :]) <= 1.1 * max(waits[: 10 * rate]) + TICK
    assert max(waits) < rate / 1000 + 0.5
