"""Accounts over the storage in memory, with a clock of their own and cheap passwords."""

from collections.abc import AsyncIterator

import pytest

from engine.accounts.accounts import Accounts
from engine.domain.people import User
from engine.settings import Settings
from engine.storage.memory import MemoryStorage
from tests.engine.accounts.fixtures import PASSWORD, Unreliable, registration
from tests.support.clock import StoppedClock


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def settings() -> Settings:
    return Settings(
        secret_key="a key for tests only",
        argon2_time_cost=1,
        argon2_memory_kib=8,
        argon2_parallelism=1,
        refresh_gather=0,
    )


@pytest.fixture
async def storage() -> AsyncIterator[Unreliable]:
    async with MemoryStorage() as storage:
        yield Unreliable(storage)


@pytest.fixture
def accounts(settings: Settings, storage: Unreliable, clock: StoppedClock) -> Accounts:
    return Accounts.of(settings, storage, clock, time=clock.monotonic)


@pytest.fixture
def elsewhere(settings: Settings, storage: Unreliable, clock: StoppedClock) -> Accounts:
    """Another process on the same database."""
    return Accounts.of(settings, storage, clock, time=clock.monotonic)


@pytest.fixture
async def ada(accounts: Accounts) -> User:
    return await accounts.register(registration("ada", password=PASSWORD))
