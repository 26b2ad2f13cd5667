"""A reader of server-sent events, as the WHATWG's HTML standard tells browsers to parse them (section 9.2.6)."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import anyio
import msgspec


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event, with the last `id` at that moment."""

    kind: str
    text: str
    last_id: str

    @property
    def data(self) -> Any:
        """The data as JSON."""
        return msgspec.json.decode(self.text)


class EventParser:
    """Takes bytes as they come, gives events."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry: int | None = None
        self.comments = 0
        self._rest = b""
        self._fields: dict[str, list[str]] = {}

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that these bytes complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = [self._line(line.decode()) for line in lines]
        return [event for event in events if event is not None]

    def _line(self, line: str) -> ServerSentEvent | None:
        if line == "":
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments += 1
        elif name == "id":
            self.last_id = value
        elif name == "retry":
            self.retry = int(value)
        else:
            self._fields.setdefault(name, []).append(value)
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        return ServerSentEvent(fields.get("event", ["message"])[-1], "\n".join(fields["data"]), self.last_id)


class EventReader:
    """Reads a response, event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.parser = EventParser()
        self._events: list[ServerSentEvent] = []

    async def next(self, *, limit: float = 30.0) -> ServerSentEvent | None:
        """The next event; None at the end of the response. `aiohttp.ClientError` when it is cut off."""
        with anyio.fail_after(limit):
            while not self._events:
                data = await self.response.content.readany()
                if not data:
                    return None
                self._events = self.parser.feed(data)
        return self._events.pop(0)

    async def take(self, count: int) -> list[ServerSentEvent]:
        """The next events; fails when there are fewer."""
        taken = [await self.next() for _ in range(count)]
        return [event for event in taken if event is not None]

    async def rest(self) -> list[ServerSentEvent]:
        """All that come until the end."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events
