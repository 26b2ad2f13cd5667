"""A provider of chat models in a process of its own: `python -m benchmarks.model_server TOKENS RATE` prints where it is.

Its tokens say when they were sent, on the clock that all processes of a machine share: `17@1234.567890 `.
"""

import sys
import time
from contextlib import AbstractContextManager

import anyio

from benchmarks.cores import last_in_line
from benchmarks.server import Server, beside
from tests.support.model_scripts import hangs
from tests.support.model_server import Reply, Script
from tests.support.openai_server import OpenAIServer

HUNG = "hung"
"""The model that never answers."""
_CHUNK = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"paced","choices":'
    b'[{"index":0,"delta":{"content":"%d@%.6f "},"finish_reason":null}]}\n\n'
)


def paced(tokens: int, rate: float) -> Script:
    """So many tokens, so many a second; late ones are made up for."""

    async def play(reply: Reply) -> None:
        if reply.asked.body["model"] == HUNG:
            await hangs(reply)
        due = time.monotonic()
        for number in range(tokens):
            due += 1.0 / rate
            await anyio.sleep(max(0.0, due - time.monotonic()))
            await reply.raw(_CHUNK % (number, time.monotonic()))
        await reply.finish(usage=(10, tokens))

    return play


def provided(tokens: int, rate: float) -> AbstractContextManager[Server]:
    """Run it for as long as the block."""
    return beside("benchmarks.model_server", tokens, rate)


async def _serve(tokens: int, rate: float) -> None:
    async with OpenAIServer([paced(tokens, rate)]) as server:
        print(server.base_url, flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    last_in_line()
    anyio.run(_serve, int(sys.argv[1]), float(sys.argv[2]), backend_options={"use_uvloop": True})
