"""Webhooks: addresses outside that are told of a room's events."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.domain.events import Event, Invited
from engine.domain.fields import ParticipantId, TimelineId

WebhookId = NewType("WebhookId", str)

MAX_PER_ROOM: Final = 10
"""How many webhooks a room may have."""
_OFFSET: Final = re.compile(r"[0-9]{1,18}")

WebhookUrl = Annotated[str, Meta(min_length=1, max_length=2048, description="http or https, without credentials")]
EventType = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z_.]+$")]
EventTypes = Annotated[list[EventType], Meta(max_length=64, description="none means all")]
WebhookDescription = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*$")]

EVENT_TYPES: Final[frozenset[str]] = frozenset(
    str(kind.__struct_config__.tag) for kind in get_args(Event) if kind is not Invited
)
"""What a webhook may ask for: every durable event of a room."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook, without its secret. No `events` means all of them.

    It has been handed every event up to `delivered_up_to` (or that one is among its dead letters). While the receiver fails,
    `attempts` counts the tries of the next event, `next_attempt_at` says when the next one is, and `failing_since` when the
    first of the unbroken row was. `disabled_reason` says why the server has switched it off; None when a person has.
    """

    id: WebhookId
    timeline_id: TimelineId
    url: str
    events: list[str] = []
    description: str = ""
    active: bool = True
    created_by: ParticipantId
    created_at: datetime
    delivered_up_to: int = 0
    attempts: int = 0
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    disabled_reason: str | None = None


class WebhookChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be changed of a webhook; UNSET leaves it. `active: true` switches it on again, where it stopped."""

    url: WebhookUrl | UnsetType = UNSET
    events: EventTypes | UnsetType = UNSET
    description: WebhookDescription | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class NewWebhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a new webhook."""

    url: WebhookUrl
    events: EventTypes = []
    description: WebhookDescription = ""


class DeliveryState(StrEnum):
    """Where the delivery of one event stands."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    """Given up after the last attempt; kept until somebody retries or removes it."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event at one webhook; the last attempt's status code and duration (milliseconds).

    `id` is the `webhook-id` that the receiver sees, the same at every attempt.
    """

    id: str
    offset: int
    type: str
    state: DeliveryState
    attempts: int
    status_code: int | None = None
    error: str | None = None
    duration_ms: int = 0
    first_attempt_at: datetime
    last_attempt_at: datetime


def delivery_id(webhook_id: WebhookId, offset: int) -> str:
    """The name of an event at a webhook, made of nothing that could differ after a crash: a repeated delivery is known by it."""
    return f"msg_{webhook_id.replace('-', '')}_{offset}"


def delivery_offset(webhook_id: WebhookId, given: str) -> int | None:
    """The inverse of `delivery_id`; None for anything that it does not make."""
    digits = given.rpartition("_")[2]
    if not _OFFSET.fullmatch(digits) or given != delivery_id(webhook_id, int(digits)):
        return None
    return int(digits)
