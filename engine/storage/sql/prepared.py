"""Statements that are made once, as SQLite takes them: what SQLAlchemy makes of a statement each time costs more than to run it."""

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import Select, TextClause, UpdateBase
from sqlalchemy.dialects.sqlite.aiosqlite import dialect
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from engine.storage.sql.rows import Values
from engine.storage.sql.sqlite import SqliteConnection

Statement: TypeAlias = TextClause | UpdateBase | Select[Any]

DIALECT = dialect()


class Prepared(NamedTuple):
    """A statement's text, and how values by name become its parameters."""

    sql: str
    parameters: Callable[[Values], tuple[Any, ...]]


@lru_cache(maxsize=256)
def prepare(statement: Statement, names: tuple[str, ...]) -> Prepared:
    """A statement to which values with these names will be given."""
    compiled = statement.compile(dialect=DIALECT, column_keys=list(names))
    assert isinstance(compiled, SQLCompiler)
    bound = [(name, compiled.binds[name]) for name in compiled.positiontup or ()]
    places = [
        (name, each.value, each.type.dialect_impl(DIALECT).bind_processor(DIALECT) or _as_it_is) for name, each in bound
    ]

    def parameters(row: Values) -> tuple[Any, ...]:
        return tuple(spell(row.get(name, otherwise)) for name, otherwise, spell in places)

    return Prepared(str(compiled), parameters)


@lru_cache(maxsize=256)
def _reads(statement: Select[Any]) -> Callable[[Sequence[Any]], Any]:
    """How what SQLite gives for a row becomes the row, with a name for each column."""
    columns = statement.selected_columns
    row = namedtuple("row", columns.keys())  # type: ignore[misc] # noqa: PYI024 - the names are those of the statement
    spells = [each.type.dialect_impl(DIALECT).result_processor(DIALECT, None) or _as_it_is for each in columns]
    return lambda found: row(*[spell(value) for spell, value in zip(spells, found, strict=True)])


async def read(connection: AsyncConnection, statement: Select[Any], values: Values) -> Sequence[Any]:
    """The rows of a statement, in one visit to SQLite's thread."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, SqliteConnection)
    prepared = prepare(statement, tuple(values))
    return list(map(_reads(statement), await driver.read(prepared.sql, prepared.parameters(values))))


def _as_it_is(value: object) -> object:
    return value
