"""The words of the web client, as its catalogues have them."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

_SOURCES: Final = Path(__file__).parents[2] / "gateway" / "web" / "src"
_NODE: Final = Path(sys.executable).with_name("node")
CATALOGUES: Final = ("i18n", "admin/i18n", "docs/i18n")
"""Where they are: of the chat, of the operator's pages, of the developer's."""


@cache
def catalogue(where: str, language: str) -> dict[str, str]:
    """One catalogue in one language, by key."""
    module = (_SOURCES / where / f"{language}.ts").as_uri()
    script = f"console.log(JSON.stringify((await import({module!r})).{language}))"
    command = [str(_NODE), "--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", script]
    read: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return read


def only_in(language: str, *, other: str) -> re.Pattern[str]:
    """Matches a piece of text that a page has only when it speaks one language and not the other."""
    pieces = {name: {piece for where in CATALOGUES for piece in _pieces(where, name)} for name in (language, other)}
    return re.compile("|".join(sorted(pieces[language] - pieces[other])))


def _pieces(where: str, language: str) -> set[str]:
    """The texts as the page's text nodes have them: apart at code and links, with anything where a parameter stands."""
    texts = catalogue(where, language).values()
    pieces = {piece.strip() for text in texts for piece in re.split(r"`[^`]+`|\[|\]\([^)]+\)", text)}
    return {
        re.sub(r"\\\{\w+\\\}", ".*", re.escape(piece))
        for piece in pieces
        if re.search(r"\w\w", re.sub(r"\{\w+\}", "", piece))
    }
