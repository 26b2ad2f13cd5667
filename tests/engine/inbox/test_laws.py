"""Laws of the parts that know no actor: counting, receipts."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from engine.clock import SystemClock
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.inbox import MOST_COUNTED
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.inbox.counting import count_unread
from engine.timelines.receipts import CROWD, SHOWN_AT_ONCE, Receipts

NOW = SystemClock().now()
PEOPLE = [ParticipantId(name) for name in ("ada", "ben", "cleo")]


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    gaps = draw(st.lists(st.integers(1, 3), max_size=12))
    offsets = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    return [
        Message(
            id=MessageId(str(offset)),
            timeline_id=TimelineId("room"),
            offset=offset,
            author=Participant(draw(st.sampled_from(PEOPLE)), ParticipantKind.USER, "someone"),
            text="",
            created_at=NOW,
            deleted_at=NOW if draw(st.booleans()) else None,
            mentions=draw(st.lists(st.sampled_from(PEOPLE), unique=True)),
            mentions_all=True if draw(st.booleans()) else UNSET,
        )
        for offset in offsets
    ]


@given(messages(), st.dictionaries(st.sampled_from(PEOPLE), st.integers(0, 40)))
def test_counting_many_people_at_once_is_counting_each(given: list[Message], markers: dict[ParticipantId, int]) -> None:
    counts = count_unread(given, markers)

    assert counts.keys() == markers.keys()
    for who, marker in markers.items():
        unread = [each for each in given if each.offset > marker and each.deleted_at is None and each.author.id != who]
        assert counts[who] == (len(unread), sum(each.mentions_all or who in each.mentions for each in unread))


def test_counting_ends_at_a_thousand() -> None:
    author = Participant(PEOPLE[0], ParticipantKind.USER, "someone")
    crowd = [
        Message(
            id=MessageId(str(offset)),
            timeline_id=TimelineId("room"),
            offset=offset,
            author=author,
            text="",
            created_at=NOW,
            mentions_all=True,
        )
        for offset in range(1, MOST_COUNTED + 3)
    ]

    assert count_unread(crowd, {PEOPLE[1]: 0, PEOPLE[2]: 3}) == {
        PEOPLE[1]: (MOST_COUNTED, MOST_COUNTED),
        PEOPLE[2]: (MOST_COUNTED - 1, MOST_COUNTED - 1),
    }


@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 99))))
def test_of_each_person_only_the_furthest_reading_is_shown(readings: list[tuple[ParticipantId, int]]) -> None:
    receipts = Receipts()
    for person, offset in readings:
        receipts.add(person, offset)

    shown = receipts.take(present=3)

    furthest = {person: max(at for who, at in readings if who == person) for person, _ in readings}
    expected = [f'{{"type":"read","participant_id":"{who}","offset":{at}}}'.encode() for who, at in furthest.items()]
    assert sorted(shown) == sorted(expected)
    assert receipts.resting == bool(shown)
    assert receipts.take(present=3) == []


def test_many_readers_are_shown_in_portions_and_in_a_crowd_not_at_all() -> None:
    receipts = Receipts()
    for number in range(SHOWN_AT_ONCE + 5):
        receipts.add(ParticipantId(str(number)), 1)

    assert [len(receipts.take(present=CROWD)) for _ in range(3)] == [SHOWN_AT_ONCE, 5, 0]

    receipts.add(PEOPLE[0], 1)
    assert receipts.take(present=CROWD + 1) == []
    assert receipts.take(present=CROWD) == []
