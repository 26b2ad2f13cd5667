"""What people type to find messages.

| typed            | finds messages with                                  |
| ---------------- | ---------------------------------------------------- |
| `apple pie`      | both words, anywhere                                 |
| `"apple pie"`    | the words next to each other, in this order          |
| `apple -pie`     | the first word and not the second; `-"a phrase"` too |
| `appl*`          | a word that begins so                                |

Everything else is ignored: there is no way to type it wrong, except without a word to look for.
"""

import re
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from engine.errors import InvalidRequest
from engine.search.words import Word, words

LONGEST = 256
"""Characters."""

QueryText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST, pattern=r"^[^\x00]*$")]

_PART = re.compile(r'(?P<no>-)?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')


class Term(msgspec.Struct, frozen=True):
    """Indexed words next to each other; `prefix`: the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False

    def within(self, other: "Term") -> bool:
        """Whether what has the other term has this one, for its words are among those."""
        *before, last = self.words
        for end in range(len(self.words), len(other.words) + 1):
            *ahead, word = other.words[end - len(self.words) : end]
            goes_on = other.prefix and end == len(other.words)
            if ahead == before and (word.startswith(last) if self.prefix else word == last and not goes_on):
                return True
        return False


class Query(msgspec.Struct, frozen=True):
    """All of `wanted` (one at least) and none of `unwanted`."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()

    @property
    def impossible(self) -> bool:
        """Whether no text matches, for something wanted has something unwanted within (`meeting -meet*`).

        A storage that finds words in other forms as well may find some.
        """
        return any(no.within(yes) for no in self.unwanted for yes in self.wanted)


def parse(text: str) -> Query:
    """What these words look for. `InvalidRequest` (field `q`) without a word to look for, or over 256 characters."""
    if len(text) > LONGEST:
        raise InvalidRequest.field("q", f"at most {LONGEST} characters, not {len(text)}")
    if any(each == "\x00" or "\ud800" <= each <= "\udfff" for each in text):
        raise InvalidRequest.field("q", "neither U+0000 nor half a surrogate pair")
    wanted: dict[Term, None] = {}
    unwanted: dict[Term, None] = {}
    for part in _PART.finditer(text):
        phrase, word = part["phrase"], part["word"]
        prefix = phrase is None and word.endswith("*")
        term = _term(list(words(word if phrase is None else phrase)), prefix=prefix)
        if term is not None:
            (unwanted if part["no"] else wanted)[term] = None
    if not wanted:
        raise InvalidRequest.field("q", "needs a word to look for: a letter or a digit at least")
    return Query(tuple(wanted), tuple(unwanted))


def _term(found: list[Word], *, prefix: bool) -> Term | None:
    """One term of neighbouring words.

    A text that goes on after our last pair of characters does not have its last character as a word of its own; a single one is
    looked for as the beginning of any pair.
    """
    if not found:
        return None
    last = found[-1]
    if last.unspaced and len(found) > 1 and found[-2].unspaced and found[-2].end == last.end:
        return Term(tuple(word.text for word in found[:-1]))
    return Term(tuple(word.text for word in found), prefix or last.unspaced)
