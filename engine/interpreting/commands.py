"""What a booth is told by timelines and doors."""

from typing import TYPE_CHECKING

from actors import Call, Message
from engine.domain.fields import MessageId
from engine.domain.messages import Translation
from engine.timelines.translating import Original, Style

if TYPE_CHECKING:
    from engine.interpreting.booth import Booth  # noqa: F401 - named as the receiver of messages


class Consider(Message["Booth", None], frozen=True):
    """Messages were posted or edited, where these languages are read. `members` is how many there are."""

    originals: tuple[Original, ...]
    style: Style
    languages: tuple[str, ...]
    members: int


class Review(Message["Booth", None], frozen=True):
    """Somebody may lack something of what was posted before."""


class Demand(Message["Booth", dict[MessageId, Translation]], frozen=True):
    """Somebody reads these messages now. Answers what there is of them in `language` after `patience` seconds, or sooner if it is all."""

    originals: tuple[Original, ...]
    style: Style
    language: str
    patience: float


class Waiter:
    """Somebody who waits for translations, and what has come of them."""

    def __init__(self, call: Call[Demand, dict[MessageId, Translation]]) -> None:
        self.missing: set[MessageId] = set()
        self._call = call
        self._found: dict[MessageId, Translation] = {}

    def settled(self, message_id: MessageId, translation: Translation | None) -> None:
        """One has come, or will not."""
        self.missing.discard(message_id)
        if translation is not None:
            self._found[message_id] = translation
        if not self.missing:
            self.answer()

    def answer(self) -> None:
        """Give what there is."""
        if not self._call.settled:
            self._call.answer(self._found)
