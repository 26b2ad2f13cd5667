"""Pseudo-localisation: texts that look translated and can still be read, for development and demonstrations.

    Hello @ada, see https://example.org  ->  [de: Hëllö @ada, sëë https://example.org ~~]

Letters get accents, those of another kind for each target, and a text grows by the third that German is longer than English. What must not
change in a translation does not change here either.
"""

from typing import Final
from zlib import crc32

from engine.translation.languages import Offer, parse_tag
from engine.translation.markdown import Line, render, with_words
from engine.translation.provider import Batch, Capacity, ProviderFailed, Translated, Usage

_PLAIN: Final = "aeioucnsyzAEIOUCNSYZ"
_ACCENTED: Final = (
    "äëïöüçñšÿžÄËÏÖÜÇÑŠŸŽ",
    "áéíóúćńśýźÁÉÍÓÚĆŃŚÝŹ",
    "àèìòùčǹşỳżÀÈÌÒÙČǸŞỲŻ",
    "âêîôûĉňŝŷẑÂÊÎÔÛĈŇŜŶẐ",
    "āēīōūċņșȳẓĀĒĪŌŪĊŅȘȲẒ",
    "ąęįǫųçñşyžĄĘĮǪŲÇÑŞYŽ",
)
_FILLING: Final = "~"
_GROWTH: Final = 3
"""One character more for each so many."""


class Pseudo:
    """The provider `pseudo`: any language, at once, for nothing."""

    known = Offer()
    name = "pseudo"
    capacity = Capacity()

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        """See `Provider`. A source that is not given is taken for English."""
        source = batch.source or "en"
        return [
            Translated("".join(_pseudo(line, batch.target) for line in document), source)
            for document in batch.documents
        ]

    async def offer(self) -> Offer:
        """See `Provider`."""
        return Offer()

    async def usage(self) -> Usage:
        """See `Provider`."""
        return Usage()

    def close(self) -> None:
        """See `Provider`."""


def _pseudo(line: Line, target: str) -> str:
    if not line.body:
        return line.before
    flavour = str.maketrans(_PLAIN, _ACCENTED[crc32(parse_tag(target).language.encode()) % len(_ACCENTED)])
    body = render(with_words(line.body, lambda words: words.translate(flavour)))
    filling = _FILLING * (len(body) // _GROWTH)
    return f"{line.before}[{target}: {body} {filling}]{line.after}"
