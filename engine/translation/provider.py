"""What a provider of translations is: the contract of `deepl`, `chat_model` and `pseudo`, and of those that tests make."""

from typing import Literal, Protocol

import msgspec

from engine.translation.languages import Offer
from engine.translation.markdown import Document

Failing = Literal[
    "unavailable",
    "timeout",
    "rate_limited",
    "quota",
    "unauthorized",
    "malformed",
    "refused",
    "unsupported",
    "damaged",
]
"""What may go wrong at a provider.

`unavailable` (no connection, or a 5xx), `timeout`, `rate_limited` and `malformed` (an answer that makes no sense) may be different the
next time. `quota` and `unauthorized` concern every request from now on, `refused`, `unsupported` and `damaged` this one text or batch.
"""


class ProviderFailed(Exception):
    """A provider did not do what it was asked. `str(error)` has neither texts nor secrets in it."""

    def __init__(self, code: Failing, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after = retry_after
        """For how many seconds the provider wants to be left alone."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Texts that go from one language to another together. The languages are BCP 47 tags, see `Work`."""

    documents: tuple[Document, ...]
    source: str | None
    target: str
    context: tuple[str, ...] = ()
    formality: str | None = None
    glossary: str | None = None


class Translated(msgspec.Struct, frozen=True):
    """One text of a batch, translated from `source`, which is a BCP 47 tag."""

    text: str
    source: str


class Usage(msgspec.Struct, frozen=True):
    """How much of the provider's quota is used. None: it does not say, or has no limit."""

    used: int | None = None
    limit: int | None = None

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.used is not None and self.limit is not None and self.used >= self.limit


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider takes at a time: `texts` in one request of at most so many `characters`, and so many requests at once."""

    texts: int = 50
    characters: int = 30_000
    requests: int = 4


class Provider(Protocol):
    """One service. Called from several tasks at a time; cancelling a call ends what it does."""

    name: str
    capacity: Capacity
    known: Offer
    """The languages that it is known to offer before it has been asked."""

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        """Translate each text of a batch, in order. Makes one attempt. Raises `ProviderFailed` when all of it fails."""
        ...

    async def offer(self) -> Offer:
        """The languages between which it translates. Raises `ProviderFailed`."""
        ...

    async def usage(self) -> Usage:
        """How much of the quota is used; costs nothing of it. Raises `ProviderFailed`."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
