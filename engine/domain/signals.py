"""What subscribers are told and nobody keeps: events without an offset, neither stored nor recovered.

Each is encoded as `{"type": ..., <its own fields>}` and delivered at most once.
"""

from typing import TypeAlias

import msgspec

from engine.domain.fields import Availability, ParticipantId


class PresenceChange(msgspec.Struct, frozen=True, gc=False):
    """One participant's presence, as it is now."""

    participant_id: ParticipantId
    presence: Availability


class PresenceChanged(PresenceChange, frozen=True, gc=False, tag="presence", tag_field="type"):
    """In a small timeline: a member came, went, or said something else of themselves."""


class PresenceSummary(msgspec.Struct, frozen=True, tag="presence", tag_field="type", omit_defaults=True):
    """In a large timeline: how many members are online, and some of the changes since the summary before.

    `more` is how many changes are not listed, left out when it is 0.
    """

    online: int
    changes: tuple[PresenceChange, ...]
    more: int = 0


class Typing(msgspec.Struct, frozen=True, tag="typing", tag_field="type", omit_defaults=True):
    """Everyone who is typing now, longest first; whoever is not in it has stopped. `more` is how many are not listed."""

    participants: tuple[ParticipantId, ...]
    more: int = 0


Signal: TypeAlias = PresenceChanged | PresenceSummary | Typing
