"""Timers: messages that an actor sends to itself later, once or again and again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from actors.call import Answer, Call
from actors.message import Message

if TYPE_CHECKING:
    from actors.cell import Cell
    from actors.mailbox import AnyCall
    from actors.schedule import Appointment


class Timer:
    """One timer. It ends with the instance that has set it: a restarted or reactivated actor sets its timers again.

    A repeated timer keeps to its first moment: the n-th tick is due n intervals after it was set, however late the ticks before
    it were, so that lateness does not add up. A tick is never early; it is late by as much as the event loop is. A tick that
    comes due before the one before it has been handled is left out: at most one of each timer waits in the mailbox.
    """

    __slots__ = ("_appointment", "_due", "_interval", "_message", "_ticking", "_timers", "key")

    def __init__(self, timers: Timers, message: Message[Any, Any], key: Hashable, interval: float | None) -> None:
        self.key = key
        self._timers = timers
        self._message = message
        self._interval = interval
        self._due = 0.0
        self._appointment: Appointment | None = None
        self._ticking: AnyCall | None = None

    @property
    def active(self) -> bool:
        """Whether it will send a message, or its message waits in the mailbox or is being handled."""
        return self._appointment is not None or self._ticking is not None

    def cancel(self) -> None:
        """Send nothing more. A message of this timer that waits in the mailbox is not handled either: a dead letter."""
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
        if self._ticking is not None:
            ticking, self._ticking = self._ticking, None
            ticking.abandon()
        self._timers.forget(self)

    def set(self, due: float) -> None:
        """Be due at a moment of the system's clock."""
        self._due = due
        self._appointment = self._timers.cell.runtime.schedule.at(due, self._tick)

    def _tick(self) -> None:
        self._appointment = None
        if self._ticking is None:
            self._ticking = Call(self._message, self._handled)
            self._timers.cell.put_own(self._ticking)
        if self._interval is not None:
            now = self._timers.cell.runtime.clock()
            missed = max(0, int((now - self._due) / self._interval))
            self.set(self._due + (missed + 1) * self._interval)

    def _handled(self, answer: Answer[Any]) -> None:
        del answer
        self._ticking = None
        if self._interval is None:
            self._timers.forget(self)


class Timers:
    """The timers of one instance of an actor, by key; one without a key is its own key."""

    __slots__ = ("_by_key", "cell")

    def __init__(self, cell: Cell[Any]) -> None:
        self.cell = cell
        self._by_key: dict[Hashable, Timer] = {}

    def set(self, seconds: float, message: Message[Any, Any], key: Hashable | None, *, repeated: bool) -> Timer:
        """Set one. See `Actor.send_after` and `Actor.every`."""
        if repeated and seconds <= 0:
            msg = f"an interval is more than 0 seconds, not {seconds}"
            raise ValueError(msg)
        timer = Timer(self, message, key, seconds if repeated else None)
        if key is not None:
            self.cancel(key)
        self._by_key[timer if key is None else key] = timer
        timer.set(self.cell.runtime.clock() + seconds)
        return timer

    def cancel(self, key: Hashable) -> bool:
        """Cancel the timer with this key; False when there is none."""
        timer = self._by_key.get(key)
        if timer is None:
            return False
        timer.cancel()
        return True

    def forget(self, timer: Timer) -> None:
        """The timer will not tick any more."""
        key = timer if timer.key is None else timer.key
        if self._by_key.get(key) is timer:
            del self._by_key[key]

    def end(self) -> None:
        """Cancel them all: the instance is over."""
        for timer in list(self._by_key.values()):
            timer.cancel()
