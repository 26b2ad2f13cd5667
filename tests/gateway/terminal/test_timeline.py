import random
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.terminal import timeline as timelines
from gateway.terminal.outgoing import Delivery, Outgoing
from gateway.terminal.timeline import Note, Timeline
from gateway.terminal.wire import Message, MessagePage, Translation, read
from tests.gateway.terminal.made import ADA, AT, BOB, event, message, posted


@pytest.fixture(params=["room:t", "conversation:t"])
def timeline(request: pytest.FixtureRequest) -> Timeline:
    return Timeline(request.param, "Tea", "ada")


def page(*offsets: int, next_before: int | None = None) -> MessagePage:
    answer = {"items": [message(offset) for offset in sorted(offsets, reverse=True)], "next_before": next_before}
    decoded = read(MessagePage, answer)
    assert decoded is not None
    return decoded


def texts(timeline: Timeline) -> list[str]:
    return [entry.text for entry in timeline.entries]


def post(timeline: Timeline, client_id: str) -> None:
    timeline.outbox.add(Outgoing(client_id, client_id, datetime.now(UTC)))


def test_messages_stand_in_the_order_of_their_offsets_however_they_come(timeline: Timeline):
    events = [posted(offset) for offset in range(1, 40)]
    random.Random(1).shuffle(events)

    for each in events + events[:20]:
        timeline.apply(each, each["offset"])
    timeline.read_page(page(3, 4, 5), newest=True)

    assert texts(timeline) == [f"text {offset}" for offset in range(1, 40)]


def test_history_grows_upwards_until_its_beginning(timeline: Timeline):
    timeline.read_page(page(8, 9, next_before=8), newest=True)
    middle = timeline.beginning, timeline.oldest
    timeline.read_page(page(1, 2))

    assert middle == (False, 8)
    assert timeline.beginning
    assert texts(timeline) == ["text 1", "text 2", "text 8", "text 9"]


def test_an_edit_that_comes_late_does_not_undo_a_later_one(timeline: Timeline):
    timeline.apply(posted(1), 1)
    for minute, text in ((5, "later"), (3, "earlier")):
        edited = message(1, text, edited_at=AT.format(minute=minute))
        timeline.apply(event("message.edited", message=edited), 2)

    assert texts(timeline) == ["later"]


def test_a_deleted_message_keeps_its_place_and_nothing_brings_it_back(timeline: Timeline):
    timeline.apply(posted(1), 1)
    deleted = {**message(1), "text": "", "deleted_at": AT.format(minute=5)}
    timeline.apply(event("message.deleted", message_id="m1", message=deleted), 2)
    timeline.apply(event("message.edited", message=message(1, "back", edited_at=AT.format(minute=9))), 3)

    assert texts(timeline) == [""]


def test_what_others_say_elsewhere_is_unread_until_one_looks(timeline: Timeline):
    timeline.apply(posted(1), 1)
    timeline.apply(posted(1), 1)
    timeline.apply(posted(2, mentions=["ada"]), 2)
    timeline.apply(posted(3, author=ADA), 3)
    unread = timeline.unread, timeline.mentioned
    timeline.watch(watched=True)
    timeline.apply(posted(4), 4)

    assert unread == (2, True)
    assert (timeline.unread, timeline.mentioned) == (0, False)


def test_an_own_post_is_confirmed_once_by_its_event_or_by_its_answer(timeline: Timeline):
    post(timeline, "c1")
    own = posted(1, "c1", author=ADA, client_id="c1")
    answer = read(Message, own["message"])
    assert answer is not None

    timeline.apply(own, 1)
    timeline.posted(answer)

    assert len(timeline.outbox) == 0
    assert texts(timeline) == ["c1"]


def test_somebody_else_cannot_confirm_an_own_post_with_its_client_id(timeline: Timeline):
    post(timeline, "c1")

    timeline.apply(posted(1, author=BOB, client_id="c1"), 1)

    assert len(timeline.outbox) == 1


def test_posts_go_out_one_after_the_other_and_a_refused_one_holds_up_none(timeline: Timeline):
    outbox = timeline.outbox
    for name in ("c1", "c2"):
        post(timeline, name)
    first = outbox.next()
    assert first is not None
    first.delivery = Delivery.SENDING

    waiting = outbox.next()
    outbox.refused("c1", "forbidden")
    second = outbox.next()
    retried = outbox.retry("c1")

    assert (first.client_id, waiting) == ("c1", None)
    assert second is not None
    assert second.client_id == "c2"
    assert retried
    assert [each.client_id for each in outbox.posts] == ["c2", "c1"]


def test_after_a_gap_the_history_is_let_go_and_what_is_under_way_stays(timeline: Timeline):
    timeline.read_page(page(1, 2), newest=True)
    post(timeline, "c1")

    timeline.forget()

    assert (texts(timeline), timeline.loaded, len(timeline.outbox)) == ([], False, 1)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"type": None},
        {"type": "message.exploded", "message": {}},
        {"type": "message.posted"},
        {"type": "message.posted", "message": {"id": 1}},
        {"type": "message.edited", "message": message(99)},
        {"type": "reaction.added", "message_id": ["m1"], "emoji": 7},
        {"type": "member.joined", "member": "bob"},
        {"type": "member.left"},
        {"type": "room.updated", "room": []},
        {"type": "answer.delta", "answer_id": None, "index": "x", "text": 1},
        {"type": "presence", "status": {}},
        {"type": "typing", "participant_id": "bob"},
    ],
)
def test_an_event_that_is_not_understood_changes_nothing(timeline: Timeline, strange: dict[str, Any]):
    timeline.apply(posted(1), 1)

    timeline.apply(strange, 2)

    assert texts(timeline) == ["text 1"]


def test_reactions_come_and_go_by_person(timeline: Timeline):
    timeline.apply(posted(1), 1)
    seen = []
    for kind, who in (("added", "bob"), ("added", "bob"), ("added", "ada"), ("removed", "bob"), ("removed", "ada")):
        timeline.apply(event(f"reaction.{kind}", message_id="m1", emoji="👍", participant_id=who), 2)
        shown = timeline.message("m1")
        assert shown is not None
        seen.append(shown.reactions)

    assert seen == [{"👍": ["bob"]}, {"👍": ["bob"]}, {"👍": ["bob", "ada"]}, {"👍": ["ada"]}, {}]


def test_who_joins_and_leaves_is_a_member_and_a_note(timeline: Timeline):
    member = {"participant": BOB, "role": "member", "joined_at": AT.format(minute=0)}

    timeline.apply(event("member.joined", member=member), 1)
    timeline.people.came("client", "bob")
    there = [person.presence for person in timeline.people.listed()]
    timeline.apply(event("member.left", participant_id="bob"), 2)

    assert there == ["available"]
    assert len(timeline.people) == 0
    assert [entry.text for entry in timeline.entries if isinstance(entry, Note)] == ["Bob joined", "Bob left"]


def test_an_answer_grows_and_its_message_takes_its_place(timeline: Timeline):
    timeline.apply(event("answer.started", answer_id="a", author=BOB))
    for index, text in ((0, "Hel"), (1, "lo"), (1, "lo"), (4, "end")):
        timeline.apply(event("answer.delta", answer_id="a", index=index, text=text))
    growing = timeline.answers["a"].text
    timeline.apply(event("answer.completed", answer_id="a"))
    completed = list(timeline.answers)
    timeline.apply(posted(1, "Hello there, end", answer_id="a"), 1)

    assert growing == "Hello … end"
    assert completed == ["a"]
    assert (list(timeline.answers), texts(timeline)) == ([], ["Hello there, end"])


def test_only_so_much_is_held_and_the_rest_can_be_read_again(timeline: Timeline, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timelines, "HELD", 10)
    timeline.read_page(page(1), newest=True)

    for offset in range(2, 31):
        timeline.apply(posted(offset), offset)

    assert (timeline.oldest, timeline.beginning, timeline.message("m1")) == (21, False, None)


def test_a_translation_stands_for_its_message_until_that_says_something_else(timeline: Timeline):
    timeline.apply(posted(1), 1)
    timeline.apply(event("message.translated", message_id="m1", language="de", text="Text 1", provider="p"), 2)
    shown = timeline.message("m1")

    timeline.apply(event("message.edited", message=message(1, "other", edited_at=AT.format(minute=3))), 3)
    changed = timeline.message("m1")

    assert shown is not None
    assert changed is not None
    assert (shown.text, shown.translation) == ("text 1", Translation("de", "Text 1"))
    assert (changed.text, changed.translation) == ("other", None)
