"""A stranger's text made harmless, and the Markdown in it made visible.

What others write goes to a terminal, which obeys control characters, and to libraries that know a markup of their own. So
control characters are taken out, and styles are put on positions in the text: nothing in a message is ever parsed as markup.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from rich.text import Text

_LINE_ENDS: Final = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # C0 and C1: escape sequences begin with these
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the reading direction of what follows
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags: text that is not seen
    "\ud800-\udfff]"  # halves of characters, which no terminal can be sent
)
_MARKS: Final = 4
"""More combining marks than this on one character only climb over the neighbouring lines."""

_INLINE: Final = re.compile(
    r"(?P<code>`[^`\n]+`)"
    r"|(?P<bold>\*\*(?=\S)[^*\n]+(?<=\S)\*\*)"
    r"|(?P<strike>~~(?=\S)[^~\n]+(?<=\S)~~)"
    r"|(?<![\w*])(?P<star>\*(?=[^\s*])[^*\n]+(?<=\S)\*)(?![\w*])"
    r"|(?<!\w)(?P<underscore>_(?=[^\s_])[^_\n]+(?<=\S)_)(?!\w)"
    r"|(?P<link>https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]}])"
    r"|(?<!\w)(?P<mention>@\w[\w.-]*)"
)
_STYLES: Final = {
    "code": ("bold cyan", 1),
    "bold": ("bold", 2),
    "strike": ("strike", 2),
    "star": ("italic", 1),
    "underscore": ("italic", 1),
    "link": ("underline", 0),
    "mention": ("bold", 0),
}
"""The style of each form, and how many characters around it are taken away."""

_COLOURS: Final = ("green", "yellow", "blue", "magenta", "cyan", "red")


def clean(text: str) -> str:
    """Text that a terminal only shows. Line ends become newlines, tabs four spaces."""
    text = _LINE_ENDS.sub("\n", text).replace("\t", "    ")
    text = _FORBIDDEN.sub("", text)
    return text if text.isascii() else "".join(_thinned(text))


def one_line(text: str) -> str:
    """A name or a title: `clean`, and every run of white space a single space."""
    return " ".join(clean(text).split())


def styled(text: str) -> Text:
    """A message with its Markdown shown: code, bold, italic, strike, links, mentions, quotes, lists, headings."""
    result = Text()
    fenced = False
    for number, line in enumerate(clean(text).split("\n")):
        if number:
            result.append("\n")
        if line.lstrip().startswith("```"):
            fenced = not fenced
            result.append(line, "dim")
        elif fenced:
            result.append(line, "cyan")
        else:
            _append_line(result, line)
    return result


def colour_of(participant_id: str) -> str:
    """The colour of someone's name, the same on every screen."""
    return _COLOURS[zlib.crc32(participant_id.encode(errors="replace")) % len(_COLOURS)]


def _append_line(result: Text, line: str) -> None:
    start = len(result)
    if line.startswith(">"):
        result.append("▌ ", "dim")
        _append_inline(result, line[1:].lstrip())
        result.stylize("dim italic", start)
    elif heading := re.match(r"#{1,6} +", line):
        _append_inline(result, line[heading.end() :])
        result.stylize("bold underline", start)
    elif bullet := re.match(r"( *)[-*+] +", line):
        result.append(f"{bullet[1]}• ")
        _append_inline(result, line[bullet.end() :])
    else:
        _append_inline(result, line)


def _append_inline(result: Text, line: str) -> None:
    end = 0
    for match in _INLINE.finditer(line):
        kind = match.lastgroup
        assert kind is not None
        style, around = _STYLES[kind]
        result.append(line[end : match.start()])
        result.append(match[0][around : len(match[0]) - around], style)
        end = match.end()
    result.append(line[end:])


def _thinned(text: str) -> Iterator[str]:
    for combining, run in groupby(text, lambda character: unicodedata.combining(character) != 0):
        characters = list(run)
        yield "".join(characters[:_MARKS] if combining else characters)
