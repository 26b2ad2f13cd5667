"""What a server and the process that reads its models say to each other. No input or output here."""

from typing import Final

import msgspec

from engine.agents.models.failures import FailureCode
from engine.agents.models.prompt import Piece, Prompt
from engine.processes.framing import Messages

WINDOW: Final = 8
"""How many `Said` of one answer may be on their way: then it is not read any further until some of them have been taken."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where the models of one provider are, and with which key. Other providers have what their environment variables say."""

    provider: str
    base_url: str | None = None
    api_key: str | None = None


class _Said(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """The base of all messages."""


# -- from the server -----------------------------------------------------------------------------------------------------


class Hello(_Said, frozen=True):
    """The first message. `models` are in use already: they are opened at once. `log_level` and `log_format` as in the settings."""

    access: Access
    log_level: str
    log_format: str
    models: tuple[str, ...] = ()


class Ask(_Said, frozen=True):
    """Have a model answer; without a prompt, only open it. Everything else that is said of it bears the same id."""

    id: int
    model: str
    prompt: Prompt | None


class More(_Said, frozen=True):
    """So many `Said` of an answer have been taken; as many more are welcome."""

    id: int
    taken: int


class Leave(_Said, frozen=True):
    """Nobody wants this answer any more."""

    id: int


class Ping(_Said, frozen=True):
    """Asks whether the process is there."""


Order = Hello | Ask | More | Leave | Ping

# -- from the process ----------------------------------------------------------------------------------------------------


class Ready(_Said, frozen=True):
    """The first message: it has started."""


class Said(_Said, frozen=True):
    """What a model has said since the last time."""

    id: int
    pieces: tuple[Piece, ...]


class Ended(_Said, frozen=True):
    """An answer is complete, or left; a model is open. Its connection is closed, or free again."""

    id: int


class Failed(_Said, frozen=True):
    """An answer, or the opening of a model, has failed; see `ModelFailed`."""

    id: int
    code: FailureCode
    detail: str
    retry_after: float | None


class Pong(_Said, frozen=True):
    """It is."""


Report = Ready | Said | Ended | Failed | Pong

# -- bytes -------------------------------------------------------------------------------------------------------------


def orders() -> Messages[Order]:
    """What a server says."""
    return Messages(msgspec.msgpack.Decoder(Order))


def reports() -> Messages[Report]:
    """What the process says."""
    return Messages(msgspec.msgpack.Decoder(Report))
