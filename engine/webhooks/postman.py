"""The pool that makes the requests: so many at a time, and so many to one host."""

import msgspec

from actors import Actor, Message, handles
from engine.clock import Clock
from engine.domain.events import Event
from engine.domain.fields import TimelineId
from engine.storage.records import encode_event
from engine.webhooks.sender import Outcome, Sender
from engine.webhooks.signature import headers


class Send(Message["Postman", Outcome], frozen=True):
    """Make one attempt. It is signed when its turn comes, however long it has waited."""

    url: str
    secret: str
    id: str
    body: bytes


class Postman(Actor):
    """Makes one request at a time."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock

    @handles(Send)
    async def send(self, message: Send) -> Outcome:
        """Sign and send."""
        signed = headers(message.secret, message.id, self._clock.now(), message.body)
        return await self._sender.post(message.url, signed, message.body)


class _Body(msgspec.Struct, frozen=True):
    id: str
    type: str
    timeline_id: TimelineId
    event: msgspec.Raw


def body_of(message_id: str, timeline_id: TimelineId, event: Event) -> bytes:
    """What a receiver gets: `event` is the object that realtime and REST carry."""
    payload = msgspec.Raw(encode_event(event).encode())
    return msgspec.json.encode(_Body(message_id, str(event.__struct_config__.tag), timeline_id, payload))
