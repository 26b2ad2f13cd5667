"""The engine and the people of the timelines' tests."""

from tests.engine.timelines.conftest import (  # noqa: F401 - fixtures
    ada,
    anyio_backend,
    ben,
    cleo,
    engine,
    lobby,
    root,
    state,
    storage,
)
