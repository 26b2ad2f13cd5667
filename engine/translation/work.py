"""What is wanted of the translators, and what they give."""

import msgspec


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One text wanted in one language. Languages are BCP 47 tags.

    `group` is who it is for, as far as fairness goes: the timeline's channel. `source` None means that it is to be detected.
    `context` is a few earlier messages, the oldest first. `formality` is `more` or `less`, `glossary` one that the provider knows.
    `keep` are phrases that stay as they are wherever they stand: names of several words that are mentioned. Unless somebody who
    is connected waits for it (`present`), it is the first to be dropped under overload.
    """

    group: str
    text: str
    source: str | None
    target: str
    context: tuple[str, ...] = ()
    formality: str | None = None
    glossary: str | None = None
    keep: tuple[str, ...] = ()
    present: bool = True


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """A text in another language: from `source`, as given or detected, by the provider of this name.

    `provider` is "none" where nothing had to be translated: the languages are the same, or there are no words.
    """

    text: str
    source: str
    target: str
    provider: str


UNTRANSLATED = "none"
"""The provider of a text that is the same in both languages."""
UNKNOWN = "und"
"""The language of a text without words (BCP 47: undetermined)."""
