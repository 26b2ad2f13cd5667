"""Webhooks: a room's events, told to addresses outside over HTTP. At least once, in the order of the log, signed.

`webhooks` is what the doors use; a `courier` brings one webhook's events out one after the other; `postman` is the pool that
makes the requests, through the one module that imports httpx, `sender`. Nothing here is on the way of a post: couriers read the log
after the commit, and what they have not delivered when the process dies they find there again.
"""

from engine.webhooks.webhooks import Webhooks, WebhookSettings

__all__ = ["WebhookSettings", "Webhooks"]
