"""What the process does: it has booths for the timelines of its server."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import anyio
from anyio.abc import ByteStream

from actors import Activation, ActorError, ActorSystem
from engine.beside import beside
from engine.chores import Chore, doing
from engine.errors import EngineError
from engine.interpreting.booths import IDLE_AFTER, REMINDERS, LocalBooths
from engine.interpreting.memory import TranslationMemory
from engine.interpreting.process.distant import DistantTimeline, Server
from engine.interpreting.process.wire import AskBooth, LookThrough, Notes, ReadStatus, Ready, ToBooth, ToProcess, failed
from engine.processes.framing import encoded
from engine.processes.link import Link, Side
from engine.traffic import Traffic
from engine.translation import Translators

StartTranslators: TypeAlias = Callable[[ActorSystem, Server], Awaitable[Translators]]

START_LIMIT: Final = 30.0
"""Seconds that a booth may take to start."""
LOOKED_THROUGH: Final = 20
"""Timelines that are looked through at a time when the process is new."""
BETWEEN: Final = 0.05
"""Seconds between two of these times."""


async def keep_booths(
    stream: ByteStream,
    system: ActorSystem,
    memory: TranslationMemory,
    start: StartTranslators,
    *,
    traffic: Traffic,
    gone: Callable[[], object],
) -> None:
    """Have booths, and the translators that are started, for the server at the other end, until it has `gone`."""
    booths: LocalBooths

    async def answer(question: ToProcess) -> object:
        try:
            match question:
                case AskBooth(channel=channel, demand=demand):
                    return await booths.demand(channel, demand)
                case ReadStatus():
                    return await booths.status()
        except (EngineError, ActorError) as error:
            raise failed(error) from error

    def hear(note: Notes) -> None:
        match note:
            case ToBooth(channel=channel, message=message):
                booths.tell(channel, message)
            case LookThrough(channels=channels):
                tasks.start_soon(_look_through, channels, booths)

    link = Link(stream, Side(questions=ToProcess, notes=Notes, answer=answer, hear=hear))
    server = Server(link)
    timelines = await system.virtual(
        lambda channel: DistantTimeline(channel, server),
        "timelines",
        mailbox=DistantTimeline.mailbox,
        activation=Activation(idle_after=IDLE_AFTER),
    )
    translators = await start(system, server)
    booths = await LocalBooths.start(
        system, memory, translators, traffic, timeline=timelines.ref, start_limit=START_LIMIT
    )
    await stream.send(encoded(Ready()))
    async with doing(Chore(REMINDERS, booths.remind)), beside() as tasks:
        await link.carry()
        gone()
    await booths.close()


async def _look_through(channels: Sequence[str], booths: LocalBooths) -> None:
    """Have booths look for what is lacking: another process may have been there before this one, and have left it."""
    for number, channel in enumerate(channels, 1):
        booths.review(channel)
        if number % LOOKED_THROUGH == 0:
            await anyio.sleep(BETWEEN)
