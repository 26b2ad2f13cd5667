"""The chat-model translator on the pool of models, over the real client."""

import json
from typing import Any

import pytest

from engine.agents.completing import completing
from engine.translation.chat_model import ChatModelTranslator
from engine.translation.markdown import parse
from engine.translation.provider import Batch, ProviderFailed, Translated
from tests.engine.models.talking import talking_here
from tests.support import model_scripts as peer
from tests.support.model_server import Script

pytestmark = pytest.mark.anyio

BATCH = Batch(documents=(parse("Good morning"),), source=None, target="de")


@pytest.fixture
def anyio_backend() -> str:
    """LangChain knows asyncio only."""
    return "asyncio"


async def test_a_text_is_translated_by_the_default_model() -> None:
    answer = json.dumps({"source": "en", "text": "Guten Morgen"})
    async with talking_here(peer.words(answer[:9], answer[9:])) as (models, server):
        (translated,) = await ChatModelTranslator(completing(models)).translate(BATCH)

        assert translated == Translated("Guten Morgen", "en")
        assert "Good morning" in server.requests[0].body["messages"][1]["content"]


@pytest.mark.parametrize(
    ("script", "code", "retry_after", "settings"),
    [
        (peer.status(401), "unauthorized", None, {}),
        (peer.status(429, retry_after="60"), "rate_limited", 60.0, {}),
        (peer.status(422), "refused", None, {}),
        (peer.stalls, "timeout", None, {"chat_model_between_tokens_timeout": 0.8}),
        (peer.resets, "unavailable", None, {}),
    ],
    ids=["401", "429", "422", "a stall", "a reset"],
)
async def test_a_failure_of_the_model_is_one_of_the_translator_s(
    script: Script, code: str, retry_after: float | None, settings: dict[str, Any]
) -> None:
    async with talking_here(script, **settings) as (models, _):
        with pytest.raises(ProviderFailed) as failed:
            await ChatModelTranslator(completing(models)).translate(BATCH)

        assert (failed.value.code, failed.value.retry_after) == (code, retry_after)
