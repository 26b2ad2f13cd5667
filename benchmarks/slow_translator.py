"""A provider of translations in a process of its own: `python -m benchmarks.slow_translator FASTEST SLOWEST` prints where it is.

It speaks as much of DeepL's API as is needed, gives every text back as it came, and takes between `FASTEST` and `SLOWEST` seconds for a
request. `GET /made` says how much it has done.
"""

import sys
from contextlib import AbstractContextManager
from random import Random

import anyio
import msgspec
from aiohttp import web

from benchmarks.cores import last_in_line
from benchmarks.server import Server, beside
from tests.support.deepl_server import SOURCES, TARGETS


class Made(msgspec.Struct, frozen=True):
    """What a provider has done so far."""

    requests: int
    texts: int


def provided(fastest: float, slowest: float) -> AbstractContextManager[Server]:
    """Run it for as long as the block."""
    return beside("benchmarks.slow_translator", fastest, slowest)


class _Provider:
    def __init__(self, fastest: float, slowest: float) -> None:
        self._between = fastest, slowest
        self._random = Random(0)
        self._requests = self._texts = 0
        self.app = web.Application()
        self.app.router.add_post("/v2/translate", self._translate)
        self.app.router.add_get("/v2/languages", self._languages)
        self.app.router.add_get("/v2/usage", self._usage)
        self.app.router.add_get("/made", self._made)

    async def _translate(self, request: web.Request) -> web.Response:
        texts = (await request.json())["text"]
        await anyio.sleep(self._random.uniform(*self._between))
        self._requests += 1
        self._texts += len(texts)
        made = [{"detected_source_language": "EN", "text": text, "billed_characters": len(text)} for text in texts]
        return web.json_response({"translations": made})

    async def _languages(self, request: web.Request) -> web.Response:
        codes = SOURCES if request.query.get("type") == "source" else TARGETS
        return web.json_response([{"language": code, "name": code, "supports_formality": False} for code in codes])

    async def _usage(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"character_count": 0, "character_limit": 10**9})

    async def _made(self, request: web.Request) -> web.Response:
        del request
        return web.Response(body=msgspec.json.encode(Made(self._requests, self._texts)))


async def _serve(fastest: float, slowest: float) -> None:
    last_in_line()
    runner = web.AppRunner(_Provider(fastest, slowest).app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(_serve, float(sys.argv[1]), float(sys.argv[2]), backend_options={"use_uvloop": True})
