"""Fixtures for every floor: both event loops, both databases, logs."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import anyio
import pytest
import structlog
from hypothesis import HealthCheck, settings

from actors.testing import BACKENDS
from tests.support.postgres import PostgresServer

Databases = Callable[[], AbstractContextManager[str]]

_TEMPLATE = "gathering_template"
_LOGGED = [
    *structlog.get_config()["processors"][:-1],
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
]
"""structlog's own choice, without the values of every variable: to write those down took longer than most tests of failures."""
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # how long an example takes says how busy the machine is, and nothing of the code
SCHEDULES = 500
"""Of each large simulation, on each event loop."""
PARTS = 4
"""In which they are run, so that there is work for every core."""


def _migrate(url: str) -> None:
    from engine.storage.sql import migrate  # noqa: PLC0415 - half a second that tests of actors/ need not spend

    anyio.run(migrate, url)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    structlog.configure(processors=_LOGGED)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: tests wait for a clock nearly half of their time."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--schedules",
        default=str(SCHEDULES),
        help="how many schedules the large simulations try on each event loop, or which: 10000, or 2000-3000",
    )


@pytest.fixture(params=range(PARTS))
def seeds(request: pytest.FixtureRequest) -> range:
    """A part of the schedules that a large simulation tries."""
    first, _, last = str(request.config.getoption("schedules")).rpartition("-")
    return range(int(first or 0) + request.param, int(last), PARTS)


@pytest.fixture(params=BACKENDS)
def simulated_loop(request: pytest.FixtureRequest) -> str:
    """The event loop that a large simulation runs on."""
    return str(request.param)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        _migrate(server.create_database(_TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: PostgresServer) -> Databases:
    """Makes a fresh, migrated database for a while; for fixtures that live longer than a test."""
    numbers = itertools.count(1)

    @contextmanager
    def database() -> Iterator[str]:
        name = f"test_{next(numbers)}"
        yield postgres_server.create_database(name, template=_TEMPLATE)
        postgres_server.drop_database(name)

    return database


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    with postgres_databases() as url:
        yield url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "gathering.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def sqlite_databases(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """As `postgres_databases`, of files."""

    @contextmanager
    def database() -> Iterator[str]:
        path = tmp_path_factory.mktemp("database") / "gathering.db"
        shutil.copy(_sqlite_template, path)
        yield f"sqlite+aiosqlite:///{path}"

    return database


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a fresh, migrated file."""
    path = tmp_path / "gathering.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh, migrated database of either kind: the test runs on both."""
    return str(request.getfixturevalue(f"{request.param}_url"))
