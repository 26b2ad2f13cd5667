"""Dead letters are all counted; only the log has measure."""

import structlog
from structlog.testing import capture_logs

from actors.dead_letters import KEPT, LOGGED, QUIET, DeadLetter, DeadLetters


def test_all_are_counted_the_latest_are_kept_and_few_are_logged() -> None:
    structlog.reset_defaults()
    now = 0.0
    letters = DeadLetters(lambda: now)

    with capture_logs() as logged:
        for number in range(KEPT + 50):
            letters.add(DeadLetter("a/b", number, "expired"))
    with capture_logs() as logged_later:
        now = QUIET + 1
        letters.add(DeadLetter("a/b", "later", "stopped"))

    assert letters.total == KEPT + 51
    assert letters.counts == {"expired": KEPT + 50, "stopped": 1}
    assert len(letters.latest) == KEPT
    assert [entry["event"] for entry in logged] == ["actor.dead_letter"] * LOGGED + ["actor.dead_letters_muted"]
    assert [entry["reason"] for entry in logged_later] == ["stopped"]
