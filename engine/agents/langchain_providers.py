"""What is particular to each provider of chat models: how LangChain's model of it is made, asked and closed.

The three that come as extras of this distribution are known here; of the others only what LangChain does for them.
"""

import importlib.util
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel

from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.prompt import Prompt

_PACKAGES: Final = {"anthropic": "langchain_anthropic", "ollama": "langchain_ollama", "openai": "langchain_openai"}
"""The providers that come as extras, by their names."""
_NO_KEY: Final = "none"
"""For a server of one's own, which may want no key, while its client wants one. The provider's own is not for such a server."""


async def _nothing() -> None:
    """There is nothing to close."""


def _by_name(prompt: Prompt) -> Mapping[str, Any]:
    return _set(temperature=prompt.temperature, max_tokens=prompt.max_tokens)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chat:
    """A model of LangChain's, and what has to be known to use it."""

    model: BaseChatModel
    close: Callable[[], Awaitable[None]] = _nothing
    """Close the connections that are kept for the next request."""
    finishes: bool = True
    """Whether it says why an answer has ended, so that one which just stops is known to be broken off."""
    options: Callable[[Prompt], Mapping[str, Any]] = _by_name
    """How a request says what its prompt wants of the model."""


def open_chat(name: str, base_url: str | None, api_key: str | None) -> Chat:
    """The model called `provider:model`. Takes seconds the first time, and blocks: call it in a thread.

    `base_url` and `api_key` override what the provider's own environment variables say. Raises `ModelFailed` when the provider
    is unknown, its package is missing, or it has no key.
    """
    provider, _, model = name.partition(":")
    package = _PACKAGES.get(provider)
    if package is not None and importlib.util.find_spec(package) is None:
        hint = f"the models of {provider} need a package that is not installed: pip install 'gathering[{provider}]'"
        raise ModelFailed(FailureCode.NOT_CONFIGURED, hint)
    make = {"anthropic": _anthropic, "ollama": _ollama, "openai": _openai}.get(provider)
    given = _set(base_url=base_url, api_key=api_key)
    try:
        if make is None:
            return Chat(model=init_chat_model(model, model_provider=provider, **given), finishes=False)
        return make(model, given)
    except ModelFailed:
        raise
    except ImportError as error:
        raise ModelFailed(FailureCode.NOT_CONFIGURED, f"{name}: {error}") from error
    except Exception as error:  # whatever a provider's class thinks of its settings
        raise ModelFailed(FailureCode.NOT_CONFIGURED, f"{name} cannot be used: {_first_line(error)}") from error


def _anthropic(model: str, given: dict[str, Any]) -> Chat:
    if "base_url" in given:
        given.setdefault("api_key", _NO_KEY)
    chat: Any = init_chat_model(model, model_provider="anthropic", max_retries=0, stream_usage=True, **given)
    if not chat.anthropic_api_key.get_secret_value():  # otherwise it is missed by the first request, as a TypeError
        hint = f"anthropic:{model} has no key: set GATHERING_CHAT_MODEL_API_KEY or ANTHROPIC_API_KEY"
        raise ModelFailed(FailureCode.NOT_CONFIGURED, hint)
    return Chat(model=chat, close=chat._async_client.close)  # noqa: SLF001 - LangChain gives no other access to it


def _ollama(model: str, given: dict[str, Any]) -> Chat:
    if (key := given.pop("api_key", None)) is not None:
        given["client_kwargs"] = {"headers": {"authorization": f"Bearer {key}"}}
    chat: Any = init_chat_model(model, model_provider="ollama", **given)

    def options(prompt: Prompt) -> Mapping[str, Any]:
        return {"options": _set(temperature=prompt.temperature, num_predict=prompt.max_tokens)}

    return Chat(model=chat, close=chat._async_client.close, options=options)  # noqa: SLF001 - as above


def _openai(model: str, given: dict[str, Any]) -> Chat:
    from engine.agents.openai_completions import Completions  # noqa: PLC0415 - it needs an extra, which has been found

    if "base_url" in given:
        given.setdefault("api_key", _NO_KEY)
    chat: Any = init_chat_model(
        model,
        model_provider="openai",
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=None,
        use_responses_api=False,  # the other services that speak OpenAI's protocol speak this one
        **given,
    )
    chat.async_client = completions = Completions(chat.root_async_client)
    return Chat(model=chat, close=completions.close)


def _set(**options: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
