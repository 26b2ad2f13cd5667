"""Why a model did not answer. The codes are those of the event `answer.failed`; docs/models.md explains them to people."""

from enum import StrEnum

from actors import Refused


class FailureCode(StrEnum):
    """What went wrong, as far as somebody can decide on it."""

    NOT_CONFIGURED = "model_not_configured"
    """There is no such model, its package is not installed, or it has no key."""
    UNAUTHORIZED = "model_unauthorized"
    """The provider does not accept the key (401, 403)."""
    REJECTED = "model_rejected"
    """The provider does not accept this request: too long, an unknown model, a feature it lacks (other 4xx)."""
    RATE_LIMITED = "model_rate_limited"
    """The provider wants fewer requests (429)."""
    QUOTA = "model_quota_exceeded"
    """The account with the provider has no money or quota left (402, or a 429 that says so)."""
    UNAVAILABLE = "model_unavailable"
    """The provider fails (5xx), cannot be reached, or has failed so often that it is left alone for a while."""
    OVERLOADED = "model_overloaded"
    """More answers are waiting for this provider than may wait, or one has waited too long for its turn."""
    FIRST_TOKEN = "model_first_token_timeout"  # noqa: S105 - a code, no secret
    """Nothing came within the deadline for the first token."""
    STALLED = "model_stalled"
    """Nothing came within the deadline between two tokens."""
    TOO_LONG = "model_too_long"
    """The answer was still going on at the deadline for the whole of it, or has become larger than any answer may be."""
    INTERRUPTED = "model_interrupted"
    """The connection broke, or the provider reported an error, in the middle of the answer; or it just stopped."""
    MALFORMED = "model_malformed"
    """The provider sent something that is not of its protocol."""
    FILTERED = "model_filtered"
    """The provider's content filter ended the answer."""
    FAILED = "model_failed"
    """Something else, which the log has."""


class ModelFailed(Refused):
    """A model did not answer, or not to the end.

    `detail` is for people, without secrets and without what the prompt said. `retry_after`, in seconds, is what the provider has asked
    for, when it has. It is no `EngineError`: nobody at a door waits for a model.
    """

    def __init__(self, code: FailureCode, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
