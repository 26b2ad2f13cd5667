"""The archivist: answers from what was said here, without a model and without a key.

`asking` reads the question, `looking` finds what it is about, `summary` picks what matters, `phrases` are the words around it.
"""

from engine.agents.archivist.archivist import Archivist

__all__ = ["Archivist"]
