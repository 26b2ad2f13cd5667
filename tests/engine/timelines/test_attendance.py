"""Who is online: what small and large timelines tell of it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fields import Availability, ParticipantId
from engine.domain.signals import PresenceChange, PresenceChanged, PresenceSummary
from engine.timelines.attendance import INTERVAL, LISTED, Attendance

AVAILABLE, BUSY, OFFLINE = Availability.AVAILABLE, Availability.BUSY, Availability.OFFLINE
A, B = ParticipantId("a"), ParticipantId("b")


def test_a_small_timeline_is_told_each_change_a_second_after_the_first() -> None:
    attendance = Attendance()
    attendance.see(A, AVAILABLE, 10.0)
    attendance.see(B, BUSY, 10.4)

    early = attendance.take(10.9, large=False)

    assert (early, attendance.due) == ([], 10.0 + INTERVAL)
    assert attendance.take(attendance.due, large=False) == [PresenceChanged(A, AVAILABLE), PresenceChanged(B, BUSY)]
    assert attendance.due == float("inf")


def test_a_large_timeline_is_told_a_number_and_a_few_changes() -> None:
    attendance = Attendance()
    for number in range(LISTED + 30):
        attendance.see(ParticipantId(f"p{number}"), AVAILABLE, 0.0)

    (summary,) = attendance.take(INTERVAL, large=True)

    assert isinstance(summary, PresenceSummary)
    assert (summary.online, len(summary.changes), summary.more) == (LISTED + 30, LISTED, 30)
    assert summary.changes[0] == PresenceChange(ParticipantId("p0"), AVAILABLE)


def test_who_comes_and_goes_within_a_second_is_not_told() -> None:
    attendance = Attendance()
    attendance.see(A, AVAILABLE, 0.0)
    attendance.see(A, OFFLINE, 0.5)

    assert attendance.due == float("inf")
    assert attendance.take(INTERVAL, large=False) == []


def test_who_is_no_member_any_more_is_not_told_of() -> None:
    attendance = Attendance()
    attendance.see(A, AVAILABLE, 0.0)
    attendance.forget(A)

    assert attendance.take(INTERVAL, large=False) == []
    assert attendance.online == 0


_STEPS = st.lists(st.tuples(st.integers(0, 8), st.sampled_from(list(Availability)), st.floats(0.0, 1.5)), max_size=60)


@given(_STEPS)
def test_who_believes_every_event_knows_who_is_online(steps: list[tuple[int, Availability, float]]) -> None:
    attendance, now = Attendance(), 0.0
    truth: dict[ParticipantId, Availability] = {}
    believed: dict[ParticipantId, Availability] = {}
    told_at: list[float] = []

    def believe() -> None:
        events = attendance.take(now, large=False)
        if events:
            told_at.append(now)
        for event in events:
            assert isinstance(event, PresenceChanged)
            assert believed.get(event.participant_id, OFFLINE) is not event.presence
            believed[event.participant_id] = event.presence

    for number, availability, seconds in steps:
        person = ParticipantId(f"p{number}")
        truth[person] = availability
        attendance.see(person, availability, now)
        assert attendance.online == sum(each is not OFFLINE for each in truth.values())
        now += seconds
        believe()
    now += INTERVAL
    believe()

    assert {each: believed.get(each, OFFLINE) for each in truth} == truth
    assert all(later - earlier >= INTERVAL - 1e-5 for earlier, later in pairwise(told_at))
