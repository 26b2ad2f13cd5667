"""How the process tells what its models say: in few messages, the first words at once, and never more than is taken."""

from typing import Final

import anyio

from engine.agents.model_process.wire import WINDOW, Ended, Failed, Said
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import SIGN_OF_LIFE, Piece, Text
from engine.agents.models.provider import LARGEST
from engine.processes.sending import Sending

INTERVAL: Final = 0.04
"""Seconds between two messages of one answer: timelines tell their subscribers no more often."""
TICK: Final = 0.01
"""Seconds: how late those may be that wait for their interval."""
MOST: Final = 16_000
"""Characters of an answer that may wait here; then its provider is not read any further."""


class Outlet:
    """Where the answers leave the process, and where those that wait for their interval stand.

    While the server takes nothing, the windows of the answers bound what waits to be sent.
    """

    def __init__(self, sending: Sending) -> None:
        self.put = sending.put
        self._waiting: dict[Telling, None] = {}
        self._somebody = anyio.Event()

    def has(self, telling: "Telling") -> bool:
        """Whether its `tick` will be called soon."""
        return telling in self._waiting

    def await_interval(self, telling: "Telling") -> None:
        """Have its `tick` called soon."""
        self._waiting[telling] = None
        self._somebody.set()

    async def keep_time(self) -> None:
        """Call those that wait, for ever."""
        while True:
            await self._somebody.wait()
            await anyio.sleep(TICK)
            waiting, self._waiting = self._waiting, {}
            self._somebody = anyio.Event()
            now = anyio.current_time()
            for each in waiting:
                each.tick(now)


class Telling:
    """One answer on its way to the server."""

    def __init__(self, answer_id: int, outlet: Outlet) -> None:
        self._id = answer_id
        self._outlet = outlet
        self._words: list[str] = []
        self._size = 0
        self._window = WINDOW
        self._begun = False
        """Whether anything but signs of life has been told."""
        self._due = 0.0
        self._told = anyio.Event()

    async def say(self, piece: Piece) -> None:
        """Tell a piece, now or soon. Waits while too much is untold. `ModelFailed` for a piece that is larger than any answer."""
        if not isinstance(piece, Text):
            self._tell(anyio.current_time(), piece)
            return
        if len(piece.text) > LARGEST:
            raise ModelFailed(FailureCode.TOO_LONG, f"the answer is larger than {LARGEST} bytes")
        self._words.append(piece.text)
        self._size += len(piece.text)
        first = not self._begun and piece != SIGN_OF_LIFE
        if first or not self._outlet.has(self):
            self.tick(anyio.current_time(), at_once=first)
        while self._size > MOST:
            self._told = anyio.Event()
            await self._told.wait()

    def tick(self, now: float, *, at_once: bool = False) -> None:
        """Tell what is untold, if it is time."""
        if not self._words or self._window <= 0:
            return
        if at_once or now >= self._due:
            self._tell(now)
        else:
            self._outlet.await_interval(self)

    def taken(self, number: int) -> None:
        """So many of its messages have arrived."""
        self._window += number
        self.tick(anyio.current_time())

    def end(self, failure: ModelFailed | None = None) -> None:
        """It is over; what is untold comes before that."""
        if self._words:
            self._tell(anyio.current_time())
        if failure is None:
            self._outlet.put(Ended(self._id))
        else:
            self._outlet.put(Failed(self._id, failure.code, failure.detail, failure.retry_after))

    def _tell(self, now: float, *more: Piece) -> None:
        text = "".join(self._words)
        pieces = (Text(text), *more) if self._words else more
        self._begun = self._begun or bool(text) or bool(more)
        self._words.clear()
        self._size = 0
        self._window -= 1
        self._due = now + INTERVAL
        self._told.set()
        self._outlet.put(Said(self._id, pieces))
