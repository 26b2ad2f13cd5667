"""The web client's words keep up with what the server names."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from actors.cell import State
from actors.pools.statistics import PoolStatistics
from engine.agents.models.accounts import ModelsStatus
from engine.breaker import BreakerState
from engine.domain.activity import Action
from engine.domain.agents import Policy
from engine.interpreting.status import TranslationReport
from engine.translation.gate import ProviderState
from gateway.realtime.rpc import METHODS
from tests.support.catalogues import catalogue

SOURCES = Path(__file__).parents[2] / "gateway" / "web" / "src"


def fields_of(kind: Any) -> Iterator[str]:
    """The names of a struct's fields, and of those of the structs in it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.name
            yield from fields_of(field.type)
    for part in get_args(kind):
        yield from fields_of(part)


def test_the_operators_pages_have_words_for_whatever_the_server_names() -> None:
    shown = {name for kind in (ModelsStatus, TranslationReport, PoolStatistics) for name in fields_of(kind)}
    states = {*State, *get_args(BreakerState), *get_args(ProviderState)}
    wanted = {
        *(f"field_{name}" for name in shown),
        *(f"state_{state}" for state in states),
        *(f"policy_{policy}" for policy in Policy),
        *(f"action_{action.replace('.', '_')}" for action in Action),
    }

    assert wanted - catalogue("admin/i18n", "en").keys() == set()


def test_the_activity_can_be_filtered_by_everything_that_is_recorded() -> None:
    page = (SOURCES / "admin/activity.tsx").read_text()

    assert set(re.findall(r'^  "([\w.]+)",$', page, re.MULTILINE)) == set(Action)


def test_the_developers_pages_name_every_method_of_rpc() -> None:
    table = (SOURCES / "docs/realtime.tsx").read_text().partition("const METHODS")[2].partition("];")[0]

    named = {name for names in re.findall(r'^  \["([\w, ]+)"', table, re.MULTILINE) for name in names.split(", ")}

    assert named == METHODS.keys()
