"""The built web client, as it is served."""

import gzip
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.web import add_web
from gateway.web.pages import PATHS, POLICY

pytestmark = pytest.mark.anyio

SCRIPT = b"console.log('hello');" * 50


@pytest.fixture
def anyio_backend() -> str:
    """aiohttp is asyncio's."""
    return "asyncio"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Gathering</title>")
    (tmp_path / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "assets" / "main-abc.js").write_bytes(SCRIPT)
    (tmp_path / "assets" / "main-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "assets" / "main-abc.js.br").write_bytes(b"pretend")
    return tmp_path


def client_of(directory: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    add_web(app, directory)
    return TestClient(TestServer(app), auto_decompress=False)


async def test_every_address_of_the_client_gets_the_shell_under_the_strict_policy(built: Path) -> None:
    async with client_of(built) as client:
        for path in PATHS:
            async with client.get(path.format(id="x", code="y", page="z")) as response:
                assert response.status == 200
                assert "<title>Gathering</title>" in await response.text()
                assert response.headers["Content-Security-Policy"] == POLICY
                assert response.headers["Cache-Control"] == "no-cache"
    assert "unsafe" not in POLICY


async def test_what_is_named_by_its_content_is_kept_for_good_and_sent_compressed(built: Path) -> None:
    async with client_of(built) as client:
        async with client.get("/assets/main-abc.js", headers={"Accept-Encoding": "gzip, br;q=0"}) as zipped:
            assert zipped.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(await zipped.read()) == SCRIPT
        async with client.get("/assets/main-abc.js", headers={"Accept-Encoding": "gzip, br"}) as smallest:
            assert smallest.headers["Content-Encoding"] == "br"
            assert await smallest.read() == b"pretend"
        async with client.get("/assets/main-abc.js", headers={"Accept-Encoding": "identity"}) as plain:
            assert "Content-Encoding" not in plain.headers
            assert await plain.read() == SCRIPT
            assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert plain.headers["Content-Type"].startswith("text/javascript")
            assert plain.headers["Vary"] == "Accept-Encoding"


async def test_a_browser_that_has_a_file_is_told_so(built: Path) -> None:
    async with client_of(built) as client:
        async with client.get("/icon.svg") as first:
            etag = first.headers["ETag"]
        async with client.get("/icon.svg", headers={"If-None-Match": etag}) as second:
            assert second.status == 304
            assert await second.read() == b""
        (built / "icon.svg").write_text("<svg/>")
    async with client_of(built) as client, client.get("/icon.svg", headers={"If-None-Match": etag}) as changed:
        assert changed.status == 200


async def test_a_client_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    async with client_of(tmp_path / "nowhere") as client, client.get("/") as response:
        assert response.status == 200
        assert "make web" in await response.text()
