"""Messages in a stream of bytes: each is MessagePack behind its length, four bytes, most significant first. No input or output here."""

from typing import Final, Generic, TypeVar

import msgspec
from anyio.abc import ByteReceiveStream

_LENGTH: Final = 4
_ENCODER: Final = msgspec.msgpack.Encoder()

M = TypeVar("M")


def encoded(message: msgspec.Struct) -> bytes:
    """A message as bytes."""
    data = _ENCODER.encode(message)
    return len(data).to_bytes(_LENGTH) + data


class Messages(Generic[M]):
    """Takes bytes as they come, and gives the messages that are complete."""

    def __init__(self, decoder: "msgspec.msgpack.Decoder[M]") -> None:
        self._decoder = decoder
        self._held = bytearray()

    def feed(self, data: bytes) -> list[M]:
        """The messages that end within these bytes. Raises `msgspec.DecodeError` for what is none."""
        held = self._held
        held += data
        complete: list[M] = []
        start = 0
        while len(held) - start >= _LENGTH:
            end = start + _LENGTH + int.from_bytes(held[start : start + _LENGTH])
            if end > len(held):
                break
            complete.append(self._decoder.decode(held[start + _LENGTH : end]))
            start = end
        del held[:start]
        return complete


async def first(stream: ByteReceiveStream, messages: Messages[M]) -> M:
    """The message that each side begins with, and says nothing after it until it is answered. Raises what the stream raises."""
    while not (said := messages.feed(await stream.receive())):
        pass
    return said[0]
