"""The process that reads what models answer."""

from collections.abc import Callable

import anyio
from anyio.abc import ByteStream

from engine.agents.langchain_models import open_langchain
from engine.agents.model_process.reading import read_models
from engine.agents.model_process.wire import Hello, orders
from engine.agents.models.models import Opener
from engine.agents.models.prompt import ChatModel
from engine.clock import SystemClock
from engine.logs import configure_logging
from engine.processes import inside
from engine.processes.framing import first
from engine.settings import LogFormat, LogLevel


async def work(stream: ByteStream) -> None:
    """Do what the server says until it has gone."""
    messages = orders()
    try:
        hello = await first(stream, messages)
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return
    assert isinstance(hello, Hello)
    configure_logging(LogLevel(hello.log_level), LogFormat(hello.log_format))
    async with open_langchain(hello.access, SystemClock().now) as open_model:
        # Not before there is a model: to load LangChain takes seconds as it is.
        opener = giving_way(open_model, inside.give_way)
        await read_models(stream, messages, hello.models, opener, gone=inside.limit_farewell)


def giving_way(open_model: Opener, give_way: Callable[[], object]) -> Opener:
    """Opens models; gives way once there is one."""
    gives_way = False

    async def open_first(name: str) -> ChatModel:
        nonlocal gives_way
        model = await open_model(name)
        if not gives_way:
            gives_way = True
            give_way()
        return model

    return open_first


if __name__ == "__main__":
    inside.run(work)
