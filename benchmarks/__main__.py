"""`python -m benchmarks posts`, `… agents`, `… presence`, `… history`, `… translation`, `… actors`, `… scrolling`."""

from typing import Annotated

import anyio
import typer

from benchmarks.actors import Loop, report
from benchmarks.answers import Load as Answers
from benchmarks.answers import measure as measure_answers
from benchmarks.databases import Database, opened
from benchmarks.history import measure as measure_history
from benchmarks.posts import Load, measure
from benchmarks.presence import Crowd
from benchmarks.presence import measure as measure_presence
from benchmarks.scrolling import measure as measure_scrolling
from benchmarks.translation import Plan
from benchmarks.translation import measure as measure_translation

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def benchmarks() -> None:
    """Measure Gathering against the limits of the machine it runs on."""


@app.command()
def posts(  # noqa: PLR0917 - typer makes options of them
    database: Annotated[Database, typer.Option(help="which database")] = Database.SQLITE,
    rooms: Annotated[int, typer.Option(min=1, help="rooms, each with one sender")] = 100,
    members: Annotated[int, typer.Option(min=1, help="members of each room, all connected")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="how long to measure")] = 10.0,
    window: Annotated[int, typer.Option(min=1, help="posts that each sender has under way")] = 1,
    rate: Annotated[
        float, typer.Option(min=0, help="posts a second altogether; 0: as fast as they are answered")
    ] = 0.0,
) -> None:
    """Posts through the gateway: WebSocket rpc, committed, acknowledged, delivered to every member of the room."""
    load = Load(rooms=rooms, members=members, seconds=seconds, window=window, rate=rate)
    with opened(database) as url:
        for line in anyio.run(measure, url, load, backend_options={"use_uvloop": True}):
            typer.echo(line)


@app.command()
def agents(  # noqa: PLR0917 - typer makes options of them
    database: Annotated[Database, typer.Option(help="which database")] = Database.SQLITE,
    answers: Annotated[int, typer.Option(min=2, help="that stream at once, each in a room of its own")] = 100,
    readers: Annotated[int, typer.Option(min=1, help="of each answer")] = 5,
    rate: Annotated[float, typer.Option(min=1, help="tokens a second of each")] = 50.0,
    seconds: Annotated[float, typer.Option(min=2, help="length of each")] = 15.0,
    ramp: Annotated[float, typer.Option(min=0, help="seconds within which they begin")] = 5.0,
) -> None:
    """Answers of agents as they stream: how much later than the model's, whether complete, and what posts elsewhere notice."""
    load = Answers(answers=answers, readers=readers, rate=rate, seconds=seconds, ramp=ramp)
    with opened(database) as url:
        for line in anyio.run(measure_answers, url, load, backend_options={"use_uvloop": True}):
            typer.echo(line)


@app.command()
def presence(
    database: Annotated[Database, typer.Option(help="which database")] = Database.SQLITE,
    members: Annotated[int, typer.Option(min=2, help="members of the room, all connected")] = 1_000,
    typing: Annotated[int, typer.Option(min=1, help="of them type at once")] = 100,
    seconds: Annotated[float, typer.Option(min=1, help="for so long")] = 10.0,
    returning: Annotated[int, typer.Option(min=1, help="of them disconnect and come back")] = 200,
) -> None:
    """Presence and typing in one large room: what each member gets, beside what telling everyone of everyone would be."""
    if max(typing + 1, returning + 1) > members:
        raise typer.BadParameter("fewer of them type, or go, than there are members")
    crowd = Crowd(members=members, typing=typing, seconds=seconds, returning=returning)
    with opened(database) as url:
        for line in anyio.run(measure_presence, url, crowd, backend_options={"use_uvloop": True}):
            typer.echo(line)


@app.command()
def history(
    database: Annotated[Database, typer.Option(help="which database")] = Database.SQLITE,
    messages: Annotated[int, typer.Option(min=1000, help="messages in the room")] = 1_000_000,
    requests: Annotated[int, typer.Option(min=20, help="requests of each kind")] = 200,
) -> None:
    """Reading a long history through the gateway: pages, events and searches, and the query plans behind them."""

    async def report_history(url: str) -> None:
        async for line in measure_history(url, messages, requests):
            typer.echo(line)

    with opened(database) as url:
        anyio.run(report_history, url, backend_options={"use_uvloop": True})


@app.command()
def scrolling(
    messages: Annotated[int, typer.Option(min=1000, help="messages in the room")] = 5_000,
    step: Annotated[
        list[int] | None,
        typer.Option(help="pixels a frame; by default 120, a quick hand, and 1200, a dragged scroll bar"),
    ] = None,
) -> None:
    """A long history in a headless Chromium: frames on the screen and main thread, beside a line that moves and the same rows at rest."""

    async def report_scrolling(url: str) -> None:
        async for line in measure_scrolling(url, messages, step or [120, 1200]):
            typer.echo(line)

    with opened(Database.SQLITE) as url:
        anyio.run(report_scrolling, url)


@app.command()
def translation(  # noqa: PLR0917 - typer makes options of them
    database: Annotated[Database, typer.Option(help="which database")] = Database.SQLITE,
    users: Annotated[int, typer.Option(min=2, help="people, all connected, who post")] = 200,
    members: Annotated[int, typer.Option(min=2, help="of them in each room")] = 10,
    rate: Annotated[float, typer.Option(min=0.1, help="posts a second altogether")] = 40.0,
    seconds: Annotated[float, typer.Option(min=1, help="how long to measure, each time")] = 15.0,
    turns: Annotated[int, typer.Option(min=1, help="how often with and how often without")] = 3,
    requests: Annotated[int, typer.Option(min=1, help="requests to the provider at a time")] = 16,
) -> None:
    """Posting with a provider of translations that takes 2 to 5 s, beside the same posting without translation."""
    plan = Plan(users=users, members=members, rate=rate, seconds=seconds, turns=turns, requests=requests)
    for line in anyio.run(measure_translation, database, plan, backend_options={"use_uvloop": True}):
        typer.echo(line)


@app.command()
def actors(
    loop: Annotated[list[Loop] | None, typer.Option(help="asyncio, uvloop, trio; by default all of them")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="the median of so many")] = 5,
    scale: Annotated[float, typer.Option(min=0.001, help="how many times the usual number of operations")] = 1.0,
) -> None:
    """Actors beside the bare event loop, and beside other actor libraries where they are installed (group bench-peers)."""
    for line in report(loop or list(Loop), repetitions, scale):
        typer.echo(line)


if __name__ == "__main__":
    app()
