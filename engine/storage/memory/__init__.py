"""Storage in this process's memory, on asyncio and trio: for simulations and tests; see `storage.MemoryStorage`.

`state` is the data and what events do to it; each repository has a module of its name.
"""

from engine.storage.memory.state import State
from engine.storage.memory.storage import MemoryStorage

__all__ = ["MemoryStorage", "State"]
