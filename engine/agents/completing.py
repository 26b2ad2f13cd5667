"""The chat models as what the chat-model translator asks: a system text and a text in, the whole answer out."""

from collections.abc import Mapping
from typing import Final

from engine.agents.models import FailureCode, ModelFailed, Models, Prompt, Spoken
from engine.translation.chat_model import Complete
from engine.translation.provider import Failing, ProviderFailed

GROUP: Final = "translations"
"""All translations take turns as one, with a quarter of the provider's workers: people's answers never wait behind them."""

_MEANINGS: Final[Mapping[FailureCode, Failing]] = {
    FailureCode.NOT_CONFIGURED: "unauthorized",
    FailureCode.UNAUTHORIZED: "unauthorized",
    FailureCode.REJECTED: "refused",
    FailureCode.FILTERED: "refused",
    FailureCode.TOO_LONG: "refused",
    FailureCode.RATE_LIMITED: "rate_limited",
    FailureCode.QUOTA: "quota",
    FailureCode.FIRST_TOKEN: "timeout",
    FailureCode.STALLED: "timeout",
    FailureCode.MALFORMED: "malformed",
}
"""What the failures of a model are to a translator; the others are `unavailable`."""


def completing(models: Models) -> Complete:
    """Have the default model answer, as warm as it is by itself: models that reason accept no other temperature."""

    async def complete(system: str, text: str) -> str:
        prompt = Prompt(system=system, messages=(Spoken(role="user", text=text),))
        try:
            return await models.complete(None, prompt, group=GROUP)
        except ModelFailed as failure:
            code = _MEANINGS.get(failure.code, "unavailable")
            raise ProviderFailed(code, failure.detail, retry_after=failure.retry_after) from failure

    return complete
