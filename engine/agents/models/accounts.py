"""What has been asked of each model, what became of it, and what it has used; and how all of that is shown."""

from collections import Counter

import msgspec

from actors import Quantiles
from actors.pools.statistics import Samples
from engine.agents.models.failures import FailureCode
from engine.agents.models.prompt import Usage
from engine.breaker import BreakerState


class ModelUsage(msgspec.Struct, frozen=True, kw_only=True):
    """One model since the server started. Every request ends as answered, failed (by code) or cancelled, or is `under_way`.

    A request is counted once for each try: `retries` are those after a failed one, `stepped_in` those of this model in place of one
    that had failed. `estimated_tokens` is the part of the tokens that the provider did not count itself. `first_token` is measured
    from the moment that a worker takes the request, in seconds.
    """

    model: str
    requests: int
    under_way: int
    answered: int
    failed: dict[FailureCode, int]
    cancelled: int
    retries: int
    stepped_in: int
    input_tokens: int
    output_tokens: int
    estimated_tokens: int
    first_token: Quantiles


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One provider: `speaking` answers under way of at most `concurrency`, and those that wait for their turn.

    `ending` are connections that are being closed; each holds its worker until it is. `stuck` counts those that would not end and
    were given up. `wait` is in seconds.
    """

    provider: str
    concurrency: int
    speaking: int
    ending: int
    waiting: int
    queue: int
    wait: Quantiles
    stuck: int
    breaker: BreakerState


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    """In seconds: to the first token and for the whole answer, from the moment that a worker takes it; and between two tokens."""

    first_token: float = 30.0
    between_tokens: float = 20.0
    total: float = 300.0


class ModelsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The chat models at this moment. `default` is the model of agents that name none, `fallback` the one that steps in."""

    default: str | None
    fallback: str | None
    deadlines: Deadlines
    providers: list[ProviderStatus]
    models: list[ModelUsage]


class Account:
    """The counts of one model."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.requests = self.answered = self.cancelled = self.retries = self.stepped_in = 0
        self.failed: Counter[FailureCode] = Counter()
        self.first_token = Samples()
        self._input = self._output = self._estimated = 0

    def use(self, usage: Usage) -> None:
        """Add what a request has cost."""
        self._input += usage.input_tokens
        self._output += usage.output_tokens
        self._estimated += usage.tokens if usage.estimated else 0

    def shown(self) -> ModelUsage:
        """As it is now."""
        return ModelUsage(
            model=self.model,
            requests=self.requests,
            under_way=self.requests - self.answered - self.failed.total() - self.cancelled,
            answered=self.answered,
            failed=dict(self.failed),
            cancelled=self.cancelled,
            retries=self.retries,
            stepped_in=self.stepped_in,
            input_tokens=self._input,
            output_tokens=self._output,
            estimated_tokens=self._estimated,
            first_token=self.first_token.quantiles(),
        )
