"""What booths find around them."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from actors import Ref
from engine.interpreting.librarian import Librarian
from engine.interpreting.memory import TranslationMemory
from engine.interpreting.pace import Pace
from engine.traffic import Traffic
from engine.translation import Translators

if TYPE_CHECKING:
    from engine.interpreting.booth import Booth


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every booth of a process is given.

    `memory` has what was translated before; `timeline` and `booth` are found by the channel; `time` is monotonic, in seconds. `pace` says
    when what has come may be kept, and `traffic` what is given way to. `counts` are of what is done, and `overheard` has the timelines
    whose booth has not handled something: it is reminded, unless it starts before that and looks for itself.
    """

    memory: TranslationMemory
    librarian: Ref[Librarian]
    translators: Translators
    timeline: Callable[[str], Ref[Any] | None]
    booth: Callable[[str], Ref["Booth"]]
    time: Callable[[], float]
    pace: Pace
    traffic: Traffic
    counts: Counter[str]
    overheard: set[str]
