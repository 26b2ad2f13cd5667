"""Column types and expressions that SQLite and PostgreSQL spell differently."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, ColumnElement, DateTime, Dialect, String, Table, Text, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, in microseconds. SQLite, which has no such type, keeps them as text without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class _KeyList(TypeDecorator[Sequence[str]]):
    """A list of keys in one parameter: an array for PostgreSQL, JSON text for SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(String()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> list[str] | str:
        keys = list(value or ())
        return keys if dialect.name == "postgresql" else msgspec.json.encode(keys).decode()


class _PairList(_KeyList):
    """A list of pairs of keys, each as JSON."""

    cache_ok = True

    def process_bind_param(self, value: Sequence[Sequence[str]] | None, dialect: Dialect) -> list[str] | str:
        return super().process_bind_param([msgspec.json.encode(pair).decode() for pair in value or ()], dialect)


def insert_into(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An `INSERT` with the dialect's own `ON CONFLICT`."""
    return postgresql.Insert(table) if dialect == "postgresql" else sqlite.Insert(table)


def among(column: ColumnElement[str], keys: Sequence[str]) -> ColumnElement[bool]:
    """`column` is one of `keys`, as one parameter whatever their number.

    So the statement's text stays the same, and both SQLAlchemy and the server prepare it once; `column.in_(keys)` makes
    another statement for each number of keys, and SQLite takes only so many parameters.
    """
    return _Among(column, bindparam(None, keys, type_=_KeyList()))


def among_given(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: the keys are given as the value of this name, each time."""
    return _Among(column, bindparam(name, type_=_KeyList()))


class _Among(FunctionElement[bool]):
    name = "among"
    """SQLAlchemy looks for it, and without it makes each of these part of a cycle: work for the garbage collector, each time."""
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> "_Among":
        """Itself: SQLAlchemy would compare any other truth with 1 on SQLite, and `(... IN ...) = 1` is looked up in no index."""
        return self


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(keys, **options)})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, keys = element.clauses
    return (
        f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({compiler.process(keys, **options)}))"
    )


def pairs_given(first: ColumnElement[str], second: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """As `among_given`, of pairs: `(first, second)` is one of them, looked up in an index of the two."""
    return _Pairs(first, second, bindparam(name, type_=_PairList()))


class _Pairs(FunctionElement[bool]):
    name = "pairs_given"
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> "_Pairs":
        """Itself: compared with 1, as SQLAlchemy does with any other truth on SQLite, it is looked up in no index."""
        return self


@compiles(_Pairs, "postgresql")
def _pairs_array(element: _Pairs, compiler: SQLCompiler, **options: Any) -> str:
    first, second, pairs = (compiler.process(each, **options) for each in element.clauses)
    return f"({first}, {second}) IN (SELECT pair::json ->> 0, pair::json ->> 1 FROM unnest({pairs}) AS pair)"


@compiles(_Pairs, "sqlite")
def _pairs_json(element: _Pairs, compiler: SQLCompiler, **options: Any) -> str:
    first, second, pairs = (compiler.process(each, **options) for each in element.clauses)
    values = "json_extract(value, '$[0]'), json_extract(value, '$[1]')"
    return f"({first}, {second}) IN (SELECT {values} FROM json_each({pairs}))"
