from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.translation.flights import Flight, Waiting, context_of, sameness
from engine.translation.markdown import parse
from engine.translation.work import Work


@st.composite
def works(draw: st.DrawFn) -> Work:
    group = draw(st.sampled_from(("a", "b", "c")))
    return Work(
        group=group,
        text=draw(st.text("xyz ", min_size=1, max_size=12)),
        source=draw(st.sampled_from(("en", None))),
        target=draw(st.sampled_from(("de", "fr"))),
        context=draw(st.sampled_from(((), (f"of {group}",)))),
        present=draw(st.booleans()),
    )


def flight(work: Work, since: float = 0.0) -> Flight:
    return Flight(sameness(work), work, parse(work.text), since)


@given(st.lists(works()), st.integers(1, 5), st.integers(12, 40), st.integers(1, 4))
def test_everything_that_waits_is_taken_once_in_requests_that_fit(
    wanted: list[Work], texts: int, characters: int, free: int
):
    waiting = Waiting()
    flights = [flight(work, since) for since, work in enumerate(wanted)]
    for each in flights:
        waiting.add(each)

    taken: Counter[Flight] = Counter()
    while len(waiting):
        batch = waiting.take(texts, characters, free)
        taken.update(batch)
        assert 1 <= len(batch) <= texts
        assert sum(len(each.work.text) for each in batch) <= characters
        assert len({each.key.options for each in batch}) == 1
        assert all(said == f"of {each.work.group}" for each in batch for said in context_of(batch))

    assert taken == Counter(flights)
    assert not waiting._turns
    assert not waiting._alike


@given(st.lists(works(), min_size=1), st.data())
def test_what_is_removed_or_promoted_is_in_its_place(wanted: list[Work], data: st.DataObject):
    waiting = Waiting()
    flights = [flight(work, since) for since, work in enumerate(wanted)]
    for each in flights:
        waiting.add(each)
    removed = set(data.draw(st.lists(st.sampled_from(flights), unique=True)))
    for each in removed:
        waiting.remove(each)
    left = [each for each in flights if each not in removed]
    promoted = data.draw(st.sampled_from(left)) if left else None
    if promoted is not None and not promoted.present:
        promoted.present = True
        waiting.promote(promoted)

    assert set(waiting) == set(left)
    absent = [each for each in left if not each.present]
    assert waiting.oldest(present=False) is (absent[0] if absent else None)


def test_groups_take_turns_whatever_each_has_waiting():
    waiting = Waiting()
    for number in range(5):
        waiting.add(flight(Work(group="loud", text=f"x{number}", source="en", target="de")))
    waiting.add(flight(Work(group="quiet", text="y", source="en", target="de")))

    order = [waiting.take(1, 100, 1)[0].work.text for _ in range(3)]

    assert order == ["x0", "y", "x1"]


def test_tags_that_are_written_differently_are_the_same_work():
    one = Work(group="a", text="x", source="EN", target="pt_br")
    other = Work(group="b", text="x", source="en", target="pt-BR", context=("before",))

    assert sameness(one) == sameness(other)
