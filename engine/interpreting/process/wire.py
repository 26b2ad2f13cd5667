"""What a server and the process with its booths say to each other. No input or output here."""

from typing import Any, Final, TypeAlias

import msgspec

from actors import AskFailed
from engine.domain.fields import MessageId
from engine.domain.messages import Translation
from engine.errors import EngineError, Overtaken, StorageUnavailable, TimelineMoved, TryLater
from engine.interpreting.commands import Consider, Demand, Review
from engine.interpreting.status import TranslationReport
from engine.processes.link import Failed, Failure, Question
from engine.timelines.translating import AddTranslations, Lacking
from engine.translation.provider import ProviderFailed


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The first message. `settings` are those that concern the process, by name, secrets too; `chat_model` is whether one can be asked."""

    settings: dict[str, Any]
    chat_model: bool
    log_level: str
    log_format: str


class Ready(msgspec.Struct, frozen=True):
    """The answer to it: the process has started."""


# -- from the server -----------------------------------------------------------------------------------------------------


class LookThrough(msgspec.Struct, frozen=True, tag=True):
    """The timelines that are in the server's memory: something may lack in them since there was no process."""

    channels: tuple[str, ...]


class ToBooth(msgspec.Struct, frozen=True, tag=True):
    """Something for the booth of a timeline."""

    channel: str
    message: Consider | Review


class AskBooth(Question[dict[MessageId, Translation]], frozen=True):
    """What there is of what somebody reads."""

    channel: str
    demand: Demand


class ReadStatus(Question[TranslationReport], frozen=True):
    """How the booths and the translators are doing."""


Notes: TypeAlias = LookThrough | ToBooth
ToProcess: TypeAlias = AskBooth | ReadStatus

# -- from the process ----------------------------------------------------------------------------------------------------


class AskLacking(Question[Lacking | None], frozen=True):
    """See `ReadLacking`."""

    channel: str


class Keep(Question[tuple[Translation | None, ...]], frozen=True):
    """Have a timeline keep translations."""

    channel: str
    command: AddTranslations


class Complete(Question[str], frozen=True):
    """Have the chat model answer; see `engine.translation.chat_model.Complete`."""

    system: str
    text: str


ToServer: TypeAlias = AskLacking | Keep | Complete

# -- failures ------------------------------------------------------------------------------------------------------------

_ERRORS: Final[dict[str, type[TryLater]]] = {
    "overtaken": Overtaken,
    "moved": TimelineMoved,
    "storage_unavailable": StorageUnavailable,
    "later": TryLater,
}
"""The errors that booths tell apart, by the kind of their failure: the first that fits."""
_PROVIDER: Final = "provider:"


def failure_of(error: Exception) -> Failure:
    """An error of the engine, as it goes over the link."""
    match error:
        case TryLater():
            kind = next(kind for kind, each in _ERRORS.items() if isinstance(error, each))
            return Failure(kind, str(error), error.retry_after)
        case AskFailed():
            return Failure("later", str(error))
        case ProviderFailed():
            return Failure(f"{_PROVIDER}{error.code}", str(error), error.retry_after)
        case _:
            return Failure("refused", str(error))


def error_of(failure: Failure) -> Exception:
    """The error that it was, as far as it matters to booths and translators."""
    kind, detail, retry_after = failure.kind, failure.detail, failure.retry_after
    if kind.startswith(_PROVIDER):
        code: Any = kind.removeprefix(_PROVIDER)
        return ProviderFailed(code, detail, retry_after=retry_after)
    if kind in _ERRORS:
        return _ERRORS[kind](detail, retry_after=1.0 if retry_after is None else retry_after)
    return EngineError(detail)


def failed(error: Exception) -> Failed:
    """What to answer a question with that an error has ended."""
    return Failed(failure_of(error))
