"""The process with the booths, the translators, and the providers that they ask."""

from typing import Final

import anyio
from anyio.abc import ByteStream
from msgspec.msgpack import Decoder

from actors import ActorSystem
from engine.interpreting.process.distant import Server
from engine.interpreting.process.inside import keep_booths
from engine.interpreting.process.wire import Hello
from engine.logs import configure_logging
from engine.processes import inside
from engine.processes.framing import Messages, first
from engine.settings import LogFormat, LogLevel, Settings
from engine.storage.sql.translations import open_translations
from engine.traffic import Traffic
from engine.translation import Translators, start_translators

STINT: Final = 0.002
"""Seconds for which it works without a pause. Nobody posts here, but the server's threads may wait for the core: as long as a post takes,
and no longer. To pause more often costs more than it gives, for each time the process has to be woken."""


async def work(stream: ByteStream) -> None:
    """Do what the server says until it has gone."""
    try:
        hello = await first(stream, Messages(Decoder(Hello)))
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return
    configure_logging(LogLevel(hello.log_level), LogFormat(hello.log_format))
    settings = Settings(**hello.settings)
    traffic = Traffic(stint=STINT)

    async def start(system: ActorSystem, server: Server) -> Translators:
        complete = server.complete if hello.chat_model else None
        translators = await start_translators(system, settings, complete=complete, traffic=traffic)
        inside.give_way()
        return translators

    async with (
        open_translations(settings.database_url, time_limit=settings.storage_timeout) as memory,
        ActorSystem("interpreters") as system,
    ):
        await keep_booths(stream, system, memory, start, traffic=traffic, gone=inside.limit_farewell)


if __name__ == "__main__":
    inside.run(work)
