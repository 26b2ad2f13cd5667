"""What a test says about the messages that were not handled."""

from __future__ import annotations

from actors.system import ActorSystem


def assert_dead_letters(system: ActorSystem, /, **expected: int) -> None:
    """Fail unless the system has exactly these dead letters, counted by reason: `assert_dead_letters(system, expired=2)`.

    Without any, every message that was sent must have been handled.
    """
    counts = {reason: count for reason, count in system.dead_letters.counts.items() if count}
    if counts != expected:
        latest = "\n".join(f"  {each.reason}: {each.message!r} to {each.path}" for each in system.dead_letters.latest)
        raise AssertionError(f"expected dead letters {expected}, there are {counts}; the latest are\n{latest}")
