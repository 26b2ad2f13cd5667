"""Quiet logs: crashes and dead letters are what these tests are about."""

import logging
from collections.abc import Iterator

import pytest
import structlog

SHRINKING = 45
"""How many seconds hypothesis may look for a smaller failing case: well below the `faulthandler_timeout` of a test."""


@pytest.fixture(autouse=True)
def _bounded_shrinking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hypothesis.internal.conjecture.engine.MAX_SHRINKING_SECONDS", SHRINKING)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
