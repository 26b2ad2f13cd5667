"""Texts as words: without case and diacritics, and cut into pairs of characters where a script writes no spaces.

Chinese, Japanese, Korean, Thai, Lao, Burmese and Khmer are indexed as overlapping pairs (bigrams), for neither SQLite nor PostgreSQL
knows where their words end: "東京都" is indexed as 東京, 京都 and a last 都, so that "京都" and "都" find it. A pair is spelled in
hexadecimal digits (`zz06771`, five for each character): no tokenizer takes it apart, whatever it thinks of the script.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_UNSPACED_RANGES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0dff"
"""Characters within words that `\\w` does not know: combining marks, the vowel signs of Indian scripts."""
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED_RANGES}]+)|(?:(?![{_UNSPACED_RANGES}])[^\W_]|[{_MARKS}])+")
_PART = re.compile("(?:[0-9A-Za-z]|[^\x00-\x7f])+")
_DIACRITIC = re.compile("[\u0300-\u036f]")
_PREFIX = "zz"


class Word(NamedTuple):
    """An indexed word and the part of the text it stands for, `start` inclusive, `end` exclusive.

    `unspaced` marks those of the scripts that are cut into pairs.
    """

    text: str
    start: int
    end: int
    unspaced: bool = False


def words(text: str) -> Iterator[Word]:
    """The words of a text as they are indexed, in order."""
    for run in _RUN.finditer(text):
        start = run.start()
        if run["unspaced"] is None:
            yield from (Word(word, start, run.end()) for word in _spaced(run[0]))
            continue
        places = [
            start + index for index, character in enumerate(run[0]) for _ in unicodedata.normalize("NFKC", character)
        ]
        for index, pair in enumerate(_pairs(run[0])):
            last = places[min(index + 1, len(places) - 1)]
            yield Word(pair, places[index], last + 1, unspaced=True)


def indexed(text: str) -> str | None:
    """The words of a text with spaces between them; None for ASCII, where every database finds the same words by itself."""
    if text.isascii():
        return None
    made: list[str] = []
    for run in _RUN.finditer(text):
        if run["unspaced"] is None:
            made += _spaced(run[0])
        else:
            made += _pairs(run[0])
    return " ".join(made)


def folded(text: str) -> str:
    """All words of a text with spaces between them, as they are compared: for what is compared again and again."""
    return " ".join(word.text for word in words(text))


def fold(word: str) -> str:
    """A word as it is compared: `Straße`, `STRASSE` are one, and so are `café` and `Cafe`."""
    if word.isascii():
        return word.lower()
    plain = _DIACRITIC.sub("", unicodedata.normalize("NFKD", word)).casefold()
    return unicodedata.normalize("NFC", _DIACRITIC.sub("", unicodedata.normalize("NFKD", plain)))


def _spaced(run: str) -> list[str]:
    """One word, mostly: a character may stand for several with punctuation (`⒈` for `1.`), and diacritics alone are none."""
    return [run.lower()] if run.isascii() else _PART.findall(fold(run))


def _pairs(run: str) -> list[str]:
    """Each two neighbours, and the last character alone."""
    if not unicodedata.is_normalized("NFKC", run):
        run = "".join(unicodedata.normalize("NFKC", character) for character in run)
    spelled = [f"{ord(character):05x}" for character in run]
    return [f"{_PREFIX}{one}{two}" for one, two in itertools.pairwise(spelled)] + [_PREFIX + spelled[-1]]
