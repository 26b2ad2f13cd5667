from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from gateway.terminal.lines import Renderer
from gateway.terminal.outgoing import Delivery, Outgoing
from gateway.terminal.timeline import Timeline
from tests.gateway.terminal.made import ADA, event, posted


def lines(timeline: Timeline, width: int = 60) -> list[str]:
    return [line.plain for row in Renderer(UTC).rows(timeline, width) for line in row.lines]


@pytest.fixture
def timeline() -> Timeline:
    return Timeline("room:t", "Tea", "ada")


def test_a_day_an_author_and_a_time_stand_above_what_was_said_together(timeline: Timeline):
    for offset, minute in ((1, 0), (2, 3), (3, 30)):
        timeline.apply(posted(offset, minute=minute), offset)
    timeline.apply(posted(4, author=ADA, minute=31, reply_to="m1"), 4)

    assert lines(timeline) == [
        "── Tuesday, 24 November 2026 ──",
        "Bob  10:00",
        "  text 1",
        "  text 2",
        "Bob  10:30",
        "  text 3",
        "Ada  10:31",
        "  ↱ Bob: text 1",
        "  text 4 ✓",
    ]


@pytest.mark.parametrize("width", [1, 12, 20, 40, 100])
def test_every_line_fits_and_nothing_is_lost(timeline: Timeline, width: int):
    words = "a much_longer_word_than_any_terminal_is_wide_" + "x" * 120 + " 漢字漢字漢字 end"
    timeline.apply(posted(1, words), 1)

    shown = lines(timeline, width)

    assert max(cell_len(line) for line in shown) <= max(width, 10)
    assert "".join("".join(shown).split()).endswith("".join(["10:00", *words.split()]))


def test_hostile_text_and_names_are_shown_and_not_obeyed(timeline: Timeline):
    timeline.apply(posted(1, "[red]x\x1b[2J", author={"id": "x", "name": "[b]Eve\x1b]0;\n"}), 1)

    assert lines(timeline)[1:] == ["[b]Eve]0;  10:00", "  [red]x[2J"]


def test_a_post_under_way_says_how_far_it_is(timeline: Timeline):
    post = Outgoing("c1", "hi", datetime.now(UTC))
    timeline.outbox.add(post)
    seen = [lines(timeline)]
    post.delivery = Delivery.SENDING
    seen.append(lines(timeline))
    timeline.outbox.refused("c1", "forbidden")
    seen.append(lines(timeline))

    assert seen == [["  hi  waiting for the connection"], ["  hi  sending…"], ["  hi  not sent: forbidden"]]


def test_an_answer_in_progress_is_a_line_of_its_own(timeline: Timeline):
    timeline.apply(event("answer.delta", answer_id="a", index=0, text="so far"))

    assert lines(timeline) == ["An agent  answering…", "  so far▍"]


def test_what_has_not_changed_is_not_made_again(timeline: Timeline):
    renderer = Renderer(UTC)
    timeline.apply(posted(1), 1)
    before = {row.key: row for row in renderer.rows(timeline, 60)}
    timeline.apply(posted(2), 2)

    after = {row.key: row for row in renderer.rows(timeline, 60)}

    assert all(after[key] is row for key, row in before.items())


def test_a_translated_message_is_read_in_ones_own_language_with_the_original_below(timeline: Timeline):
    timeline.apply(posted(1, "Good morning"), 1)
    timeline.apply(event("message.translated", message_id="m1", language="de", text="Guten Morgen"), 2)

    assert lines(timeline)[1:] == ["Bob  10:00", "  Guten Morgen", "  ⇄ Good morning"]
