from hypothesis import given
from hypothesis import strategies as st

from gateway.realtime.limits import TokenBucket, Verdict


def test_a_burst_is_admitted_and_the_next_command_refused() -> None:
    bucket = TokenBucket(20, 60, patience=10, now=0.0)

    verdicts = [bucket.judge(0.0) for _ in range(61)]

    assert verdicts == [Verdict.ADMIT] * 60 + [Verdict.REFUSE]


def test_tokens_come_back_with_time() -> None:
    bucket = TokenBucket(20, 1, patience=10, now=0.0)
    bucket.judge(0.0)

    assert bucket.judge(0.04) is Verdict.REFUSE
    assert bucket.judge(0.06) is Verdict.ADMIT


def test_going_on_too_fast_is_abuse_and_a_pause_forgives() -> None:
    bucket = TokenBucket(1, 1, patience=3, now=0.0)

    first = [bucket.judge(0.0) for _ in range(4)]
    second = [bucket.judge(100.0) for _ in range(5)]

    assert first == [Verdict.ADMIT] + [Verdict.REFUSE] * 3
    assert second == [Verdict.ADMIT] + [Verdict.REFUSE] * 3 + [Verdict.ABUSE]


@given(st.lists(st.floats(0, 2), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: int, burst: int) -> None:
    bucket = TokenBucket(rate, burst, patience=10**6, now=0.0)
    now = 0.0
    admitted = 0

    for pause in pauses:
        now += pause
        admitted += bucket.judge(now) is Verdict.ADMIT

    assert admitted <= burst + rate * now + 1e-6
