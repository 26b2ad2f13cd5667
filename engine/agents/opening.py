"""The chat models of an engine, put together from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from actors import ActorSystem
from engine.agents.model_process.remote import open_process
from engine.agents.model_process.wire import Access
from engine.agents.models.accounts import Deadlines
from engine.agents.models.models import Models, ModelsSettings, Opener, full_name, provider_of
from engine.settings import Settings
from engine.traffic import Traffic


@asynccontextmanager
async def open_models(
    system: ActorSystem, settings: Settings, traffic: Traffic, *, seed: int | None = None, opener: Opener | None = None
) -> AsyncIterator[Models]:
    """Start the models under `models` in this system; what they say gives way to `traffic`.

    `opener` stands in for the process that reads those which LangChain knows.
    """
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
    async with open_process(
        system, access(settings), traffic, log_level=settings.log_level, log_format=settings.log_format
    ) as open_model:
        yield await Models.start(system, limits, open_model, seed=seed)


def access(settings: Settings) -> Access:
    """The address and the key of the settings are for the models of the default's provider, of `openai` when there is no default.

    The others have what their environment variables say.
    """
    key = settings.chat_model_api_key
    return Access(
        provider=provider_of(full_name(settings.chat_model or "")),
        base_url=settings.chat_model_base_url,
        api_key=key.get_secret_value() if key is not None else None,
    )
