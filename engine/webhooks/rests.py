"""Webhooks that need not be looked at for a while, so that a busy room does not start their couriers in vain."""

from collections.abc import Callable

from engine.domain.webhooks import WebhookId


class Rests:
    """Remembers until when. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[WebhookId, float] = {}

    def rest(self, webhook_id: WebhookId, seconds: float) -> None:
        """Leave it alone for so long."""
        self._until[webhook_id] = self._clock() + seconds

    def end(self, webhook_id: WebhookId) -> None:
        """It may be looked at again."""
        self._until.pop(webhook_id, None)

    def __contains__(self, webhook_id: object) -> bool:
        """Whether it is to be left alone."""
        return webhook_id in self._until and self._until[webhook_id] > self._clock()  # type: ignore[index]

    def sweep(self) -> None:
        """Forget those that are over."""
        now = self._clock()
        self._until = {webhook_id: until for webhook_id, until in self._until.items() if until > now}
