"""How a translation ends that did not come about. Each of these is final for the work that it answers."""

from typing import ClassVar

from engine.errors import EngineError


class TranslationFailed(EngineError):
    """The root. `retry_after` is when it may be worth asking again, in seconds; None: never with the same text."""

    code: ClassVar[str] = "translation_failed"

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TranslationDisabled(TranslationFailed):
    """There is no provider: translation is switched off, or nothing is configured."""

    code = "disabled"


class LanguageUnsupported(TranslationFailed):
    """No provider translates between these languages."""

    code = "unsupported"


class TextTooLong(TranslationFailed):
    """No provider takes so long a text."""

    code = "too_long"


class RenderingDamaged(TranslationFailed):
    """What came back had lost a link, a mention or code of the original, and could not be repaired."""

    code = "damaged"


class TextRefused(TranslationFailed):
    """The providers turned this text down."""

    code = "refused"


class ProvidersUnavailable(TranslationFailed):
    """The providers do not answer, ask for a pause, or do not know us."""

    code = "unavailable"


class ProviderQuotaSpent(TranslationFailed):
    """What the providers' quota allows has been used up."""

    code = "quota"


class WorkDropped(TranslationFailed):
    """More was wanted than can be done, and this waited longest."""

    code = "dropped"


class DeadlinePassed(TranslationFailed):
    """It took too long."""

    code = "timeout"
