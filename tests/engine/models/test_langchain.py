"""How models are found by their names, with which key, and what is loaded for that."""

import subprocess
import sys

import pytest

from engine.agents.model_process.remote import WITHHELD
from engine.agents.models import FailureCode, ModelFailed, Prompt
from engine.processes.owner import environment_without
from tests.engine.models.talking import Talking, read, said, talking_here
from tests.support import model_scripts as peer
from tests.support.scripted_model import prompt

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "ollama": "OLLAMA_API_KEY"}
"""The variables that the providers' own libraries read."""


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS.values():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("provider", KEYS)
async def test_the_key_of_the_settings_is_the_one_that_the_provider_gets(provider: str) -> None:
    async with talking_here(peer.words("Hello"), provider=provider, chat_model_api_key="the key") as (models, server):
        server.key = "the key"
        assert said(await read(models)) == "Hello"

        server.key = "another key"
        with pytest.raises(ModelFailed) as failed:
            await read(models)
        assert failed.value.code is FailureCode.UNAUTHORIZED


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_a_provider_s_own_key_is_not_for_another_address(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS[provider], "SECRET")
    async with talking_here(peer.words("Hello"), provider=provider) as (models, server):
        assert said(await read(models)) == "Hello"

        assert server.key_of(server.requests[0].headers) == "none"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_without_a_key_the_failure_names_the_variable_and_nothing_is_asked(provider: str) -> None:
    async with talking_here(
        peer.words("Hello"), provider="ollama", chat_model_api_key="for the default's provider only"
    ) as (models, server):
        with pytest.raises(ModelFailed) as failed:
            await read(models, model=f"{provider}:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert KEYS[provider] in failed.value.detail
        assert server.requests == []


@pytest.mark.parametrize("provider", KEYS)
async def test_a_provider_whose_package_is_missing_names_the_extra_that_brings_it(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with talking_here(peer.words("Hello"), provider="ollama" if provider == "openai" else "openai") as (
        models,
        _,
    ):
        monkeypatch.setitem(sys.modules, f"langchain_{provider}", None)  # as if there were none
        with pytest.raises(ModelFailed) as failed:
            await read(models, model=f"{provider}:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert f"pip install 'gathering[{provider}]'" in failed.value.detail


def test_the_process_is_told_nothing_of_the_server_s_settings_nor_of_somebody_between_it_and_the_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GATHERING_SECRET_KEY", "a secret")
    monkeypatch.setenv("LANGSMITH_GATEWAY", "true")
    monkeypatch.setenv("LANGSMITH_GATEWAY_API_KEY", "a key")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the provider's")

    environment = environment_without(WITHHELD)

    assert environment["ANTHROPIC_API_KEY"] == "the provider's"
    assert not {name for name in environment if name.startswith(("GATHERING_", "LANGSMITH_GATEWAY"))}


async def test_what_a_model_is_known_not_to_take_is_rejected_before_it_is_asked() -> None:
    warm = Prompt(system="", messages=prompt().messages, temperature=0.3)
    async with talking_here(peer.words("Hello"), provider="anthropic", chat_model="anthropic:claude-sonnet-5-5") as (
        models,
        server,
    ):
        with pytest.raises(ModelFailed) as failed:
            await read(models, warm)

        assert failed.value.code is FailureCode.REJECTED
        assert server.requests == []


async def test_a_provider_that_nobody_knows_is_not_configured(talking: Talking) -> None:
    async with talking(peer.words("Hello")) as (models, _):
        with pytest.raises(ModelFailed) as failed:
            await read(models, model="opnai:any")

        assert failed.value.code is FailureCode.NOT_CONFIGURED
        assert [each.provider for each in models.status().providers] == ["openai"]


ALONE = """
import os, sys
os.environ |= {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_API_KEY": "key"}
asked = set()

def note(event, arguments):
    if event == "socket.connect":
        asked.add(arguments[1])
    elif event == "socket.getaddrinfo":
        asked.add(arguments[:2])

sys.addaudithook(note)
import anyio
import gateway.app, gateway.cli, engine.engine
loaded = {name.partition(".")[0] for name in sys.modules}
heavy = {"langchain", "langchain_core", "langgraph", "langsmith", "openai", "anthropic", "ollama", "tiktoken"}
print("loaded too early:", *loaded & heavy)

from tests.engine.models.talking import talking_here, read, said
from tests.support import model_scripts as peer
from tests.support.scripted_model import prompt

async def main():
    async with talking_here(peer.words("Hello ", "world")) as (models, server):
        print("said:", said(await read(models)))
        print("asked its provider:", ("127.0.0.1", server.port) in asked)
        print("asked others:", *(address for address in asked if server.port not in address))

anyio.run(main)
"""


def test_langchain_is_loaded_by_the_first_model_and_speaks_with_nobody_but_its_provider() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith(("loaded", "said", "asked"))]
    assert told == ["loaded too early:", "said: Hello world", "asked its provider: True", "asked others:"]
