"""Messages: frozen structs that carry who may receive them and what they answer."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

A_contra = TypeVar("A_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)


class Message(msgspec.Struct, Generic[A_contra, R_co], frozen=True, tag=True):
    """The base of every message: `class Post(Message["Room", Posted], frozen=True)`.

    The first parameter is the actor class that may receive it (and so its subclasses), the second the type of the answer.
    A union of message types decodes by tag from JSON or msgpack, so local and remote senders use the same classes.
    """

    def _protocol_(self, actor: A_contra, /) -> R_co:
        # Never called. It pins the variance: contravariant in the actor, covariant in the answer, so that `Ref[AdminRoom]`
        # takes the messages of Room. An unused type parameter would be inferred the wrong way round.
        raise NotImplementedError
