"""The activity and audit log: fed by timelines and accounts, written in batches, never in anybody's way.

`Scribe` is what the rest of the engine tells; `Recorder` is the actor that writes; `reading` says which events of a timeline are
activity.
"""

from engine.activity.recorder import Recorder
from engine.activity.scribe import Scribe
from engine.activity.start import start_activity

__all__ = ["Recorder", "Scribe", "start_activity"]
