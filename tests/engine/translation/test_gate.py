import pytest

from engine.breaker import CircuitBreaker
from engine.translation.gate import QUOTA_REST, Gate
from engine.translation.provider import ProviderFailed, Usage


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> CircuitBreaker:
    return CircuitBreaker(time, lambda: 0.0, threshold=3, rest=5.0, longest=15.0)


@pytest.fixture
def gate(time: Time, breaker: CircuitBreaker) -> Gate:
    return Gate(time, lambda: 0.0, rate=2, burst=2, breaker=breaker)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.begin()
        breaker.failed()


def test_a_breaker_opens_after_failures_in_a_row_and_no_others(breaker: CircuitBreaker):
    fail(breaker, 2)
    breaker.begin()
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.state == "closed"

    fail(breaker)

    assert (breaker.state, breaker.passes) == ("open", False)


def test_a_breaker_lets_one_probe_through_and_closes_when_it_succeeds(breaker: CircuitBreaker, time: Time):
    fail(breaker, 3)
    time.now += 5

    assert (breaker.state, breaker.passes) == ("half_open", True)
    breaker.begin()
    assert (breaker.state, breaker.passes) == ("half_open", False)
    breaker.succeeded()
    assert (breaker.state, breaker.passes) == ("closed", True)


def test_a_breaker_rests_twice_as_long_each_time_that_its_probe_fails(breaker: CircuitBreaker, time: Time):
    fail(breaker, 3)
    rests = []
    for _ in range(4):
        rests.append(breaker.until - time.now)
        time.now = breaker.until
        fail(breaker)

    assert rests == [5, 10, 15, 15]


def test_a_probe_that_is_interrupted_may_be_made_again(breaker: CircuitBreaker, time: Time):
    fail(breaker, 3)
    time.now += 5
    breaker.begin()

    breaker.interrupted()

    assert breaker.passes


def test_a_gate_lets_a_burst_through_and_then_so_many_in_a_second(gate: Gate, time: Time):
    passed = []
    for _ in range(40):
        if gate.passes:
            gate.begin()
            gate.succeeded()
            passed.append(time.now - 100)
        time.now += 0.1

    assert passed == pytest.approx([0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], abs=0.11)


@pytest.mark.parametrize(
    ("error", "state", "seconds"),
    [
        (ProviderFailed("rate_limited", ""), "rate_limited", 1),
        (ProviderFailed("rate_limited", "", retry_after=7), "rate_limited", 7),
        (ProviderFailed("rate_limited", "", retry_after=86_400), "rate_limited", 600),
        (ProviderFailed("unavailable", "", retry_after=7), "unavailable", 7),
        (ProviderFailed("quota", ""), "quota_exceeded", QUOTA_REST),
        (ProviderFailed("unauthorized", ""), "unauthorized", 600),
        (ProviderFailed("refused", ""), "ready", 0),
    ],
)
def test_a_gate_is_shut_for_as_long_as_the_failure_says(
    gate: Gate, time: Time, error: ProviderFailed, state: str, seconds: float
):
    gate.begin()
    gate.failed(error)

    assert (gate.state, gate.opens_in) == (state, seconds)
    time.now += seconds
    assert (gate.state, gate.passes) == ("ready", True)


def test_pauses_that_nobody_has_measured_grow(gate: Gate, time: Time):
    pauses = []
    for _ in range(4):
        gate.begin()
        gate.failed(ProviderFailed("rate_limited", ""))
        pauses.append(gate.opens_in)
        time.now += gate.opens_in

    assert pauses == [1, 2, 4, 8]


def test_a_quota_opens_and_shuts_with_what_is_known_of_it(gate: Gate):
    gate.used(Usage(100, 100))
    spent = gate.state
    gate.used(Usage(0, 100))

    assert (spent, gate.state) == ("quota_exceeded", "ready")


def test_a_quota_without_a_limit_does_not_open_what_a_failure_has_shut(gate: Gate):
    gate.begin()
    gate.failed(ProviderFailed("quota", ""))

    gate.used(Usage())

    assert gate.state == "quota_exceeded"
