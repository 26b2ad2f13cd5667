"""The live tree as data: what runs, how it is doing, what it is at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.cell import Cell
from actors.pools.statistics import PoolStatistics


class TimingView(msgspec.Struct, frozen=True):
    """How many messages of a type were handled, and in how many seconds altogether."""

    count: int
    seconds: float


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One actor, or one supervisor, family or pool with its children.

    `depth` is the number of waiting messages, `high_water` the most that there have been, `capacity` the most that there may be
    (None where nothing waits), `oldest_for` for how many seconds the first of them has been waiting. `current` names the type of
    the message being handled and `current_for` says for how many seconds. `idle_for` is in seconds, None while busy. `last_exit`
    says how the instance before this one ended. `pool` is there where `children` are the workers of one. An actor that did not end
    when it had to, and was replaced, is shown as `stuck`, with what it is at, until it does end: as a child of the one in its place,
    or, in a pool or family, beside it.
    """

    path: str
    state: str
    generation: int = 0
    depth: int = 0
    capacity: int | None = None
    high_water: int = 0
    oldest_for: float | None = None
    current: str | None = None
    current_for: float | None = None
    idle_for: float | None = None
    handled: int = 0
    restarts: int = 0
    last_exit: str | None = None
    timings: dict[str, TimingView] = {}
    pool: PoolStatistics | None = None
    children: list[Node] = []


def nodes(root: Node) -> Iterator[Node]:
    """This one and all below it, each before its children."""
    yield root
    for child in root.children:
        yield from nodes(child)


def node_of(cell: Cell[Any], now: float) -> Node:
    """One actor as it is at this moment."""
    turns = None if cell.life is None else cell.life.turns
    current = None if turns is None else turns.call
    exit_ = cell.last_exit
    return Node(
        path=cell.path,
        state=cell.state,
        generation=cell.generation,
        depth=cell.depth,
        capacity=cell.queue.capacity,
        high_water=cell.queue.high_water,
        oldest_for=now - cell.queue.calls[0].since if cell.queue.calls else None,
        current=type(current.message).__name__ if current else None,
        current_for=None if turns is None or current is None else now - turns.begun_at,
        idle_for=None if cell.busy else now - cell.idle_since,
        handled=cell.handled,
        restarts=cell.restarts,
        last_exit=None if exit_ is None else (f"{exit_.kind}: {exit_.error!r}" if exit_.error else exit_.kind),
        timings={kind.__name__: TimingView(each.count, each.seconds) for kind, each in cell.timings.items()},
    )
