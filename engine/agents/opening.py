"""The chat models of an engine, put together from its settings. LangChain is loaded by the first model, and not before."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from actors import ActorSystem
from engine.agents.models.accounts import Deadlines
from engine.agents.models.models import Models, ModelsSettings, Opener, full_name, provider_of
from engine.agents.models.prompt import ChatModel
from engine.clock import Clock
from engine.settings import Settings

if TYPE_CHECKING:
    from engine.agents.langchain import LangChainModel

FAREWELL = 1.0
"""Seconds for closing connections that nobody uses any more."""


@asynccontextmanager
async def open_models(
    system: ActorSystem, settings: Settings, clock: Clock, *, seed: int | None = None, opener: Opener | None = None
) -> AsyncIterator[Models]:
    """Start the models under `models` in this system. `opener` stands in for LangChain."""
    limits = ModelsSettings(
        default=settings.chat_model,
        fallback=settings.chat_model_fallback,
        concurrency=settings.chat_model_concurrency,
        deadlines=Deadlines(
            first_token=settings.chat_model_first_token_timeout,
            between_tokens=settings.chat_model_between_tokens_timeout,
            total=settings.chat_model_total_timeout,
        ),
    )
    if opener is not None:
        yield await Models.start(system, limits, opener, seed=seed)
        return
    async with _langchain(settings, clock.now) as open_model:
        yield await Models.start(system, limits, open_model, seed=seed)


@asynccontextmanager
async def _langchain(settings: Settings, now: Callable[[], datetime]) -> AsyncIterator[Opener]:
    """Makes models by name, and closes them with the block.

    The address and the key of the settings are for the models of the default's provider, of `openai` when there is no default.
    The others have what their environment variables say.
    """
    owner = provider_of(full_name(settings.chat_model or ""))
    key = settings.chat_model_api_key
    opened: list[LangChainModel] = []

    async def open_model(name: str) -> ChatModel:
        own = provider_of(name) == owner
        make = partial(
            _make,
            name,
            base_url=settings.chat_model_base_url if own else None,
            api_key=key.get_secret_value() if own and key is not None else None,
            now=now,
        )
        model = await anyio.to_thread.run_sync(make)
        opened.append(model)
        return model

    try:
        yield open_model
    finally:
        with anyio.move_on_after(FAREWELL, shield=True):
            for model in opened:
                await model.close()


def _make(name: str, *, base_url: str | None, api_key: str | None, now: Callable[[], datetime]) -> "LangChainModel":
    from engine.agents.langchain import make_model  # noqa: PLC0415 - seconds, and 80 MiB, for those who use it

    return make_model(name, base_url=base_url, api_key=api_key, now=now)
