"""The activity and audit log: fed by timelines and accounts, written in batches, never in anybody's way.

`Scribe` is what the rest of the engine tells; `Recorder` is the actor that writes; `Activities` has both, and finds what was written;
`reading` says which events of a timeline are activity.
"""

from engine.activity.activities import Activities
from engine.activity.recorder import Recorder
from engine.activity.scribe import Scribe

__all__ = ["Activities", "Recorder", "Scribe"]
