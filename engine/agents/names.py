"""Whether a text names somebody: as a word, in any script.

`Ann` is in "Ann, are you there?" and in "Annさん", not in "planning", "Mary-Ann" or "ann@example.org". Chinese, Japanese and Thai put no
spaces between words: there a name may stand between any characters, except that of a longer word in katakana.
"""

import re
import unicodedata
from typing import Final

_APART: Final = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|(?<!\w)\w{1,20}://\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]+", re.DOTALL
)
"""Code, addresses: nobody is called there."""
_KATAKANA: Final = re.compile("[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]")
_HANGUL: Final = re.compile("[\u1100-\u11ff\uac00-\ud7af]")
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)


def spoken(text: str) -> str:
    """A text without code and addresses."""
    return _APART.sub(" ", text)


def names(text: str, *called: str) -> bool:
    """Whether a text names whoever is called so, in any case."""
    folded = _fold(spoken(text))
    return any(_contains(folded, _fold(name)) for name in called if name.strip())


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _contains(text: str, name: str) -> bool:
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        if not _goes_on(text, start, -1) and not _goes_on(text, end - 1, 1):
            return True
        start = text.find(name, start + 1)
    return False


def _goes_on(text: str, edge: int, step: int) -> bool:
    """Whether the word at one of its ends, the character at `edge`, goes on in this direction."""
    beside, beyond = edge + step, edge + 2 * step
    if not 0 <= beside < len(text):
        return False
    one, other = text[edge], text[beside]
    if other == "-" and 0 <= beyond < len(text) and _is_letter(one):
        return _is_letter(text[beyond])
    if not _is_letter(one) or not _is_letter(other):
        return False
    if _UNSPACED.match(one) or _UNSPACED.match(other):
        return _KATAKANA.match(one) is not None and _KATAKANA.match(other) is not None
    if _HANGUL.match(one) and _HANGUL.match(other):
        return step < 0  # particles follow a name at once
    return bool(_HANGUL.match(one)) == bool(_HANGUL.match(other))


def _is_letter(character: str) -> bool:
    """Letters, digits, and the marks that are part of letters, as vowels are in Indian scripts."""
    return character == "_" or unicodedata.category(character)[0] in "LNM"
