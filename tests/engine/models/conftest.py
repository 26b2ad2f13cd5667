"""Quiet logs, and the process that reads models.

Failures are what these tests are about, and a traceback with all its variables takes longer than they do.
"""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.engine.models.talking import OverThere, Talking, over_there, talking_to


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
async def there() -> AsyncIterator[OverThere]:
    async with over_there() as there:
        yield there


@pytest.fixture
def provider() -> str:
    """Whose models are spoken to, where that makes no difference."""
    return "openai"


@pytest.fixture
def talking(there: OverThere, provider: str) -> Talking:
    return talking_to(there, provider)
