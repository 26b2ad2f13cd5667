"""Counting what is unread from messages in memory: many people's counts in one pass."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Reversible
from itertools import takewhile
from typing import NamedTuple

from engine.domain.fields import ParticipantId
from engine.domain.inbox import MOST_COUNTED
from engine.domain.messages import Message


class Count(NamedTuple):
    """Unread messages, and those of them that mention the person."""

    unread: int
    mentions: int


def count_unread(messages: Reversible[Message], markers: Mapping[ParticipantId, int]) -> dict[ParticipantId, Count]:
    """The counts above each person's marker, by the rules of `repositories.Markers`.

    `messages` are in the order of their offsets, and all that there are above the lowest marker.
    """
    lowest = min(markers.values(), default=0)
    present: list[int] = []
    everyone: list[int] = []
    own: defaultdict[ParticipantId, list[int]] = defaultdict(list)
    own_everyone: defaultdict[ParticipantId, list[int]] = defaultdict(list)
    named: defaultdict[ParticipantId, list[int]] = defaultdict(list)
    newest_first = list(takewhile(lambda each: each.offset > lowest, reversed(messages)))
    for message in reversed(newest_first):
        if message.deleted_at is not None:
            continue
        author, offset = message.author.id, message.offset
        present.append(offset)
        own[author].append(offset)
        if message.mentions_all:
            everyone.append(offset)
            own_everyone[author].append(offset)
        else:
            for person in message.mentions:
                if person != author:
                    named[person].append(offset)

    def count(person: ParticipantId, marker: int) -> Count:
        unread = _above(present, marker) - _above(own.get(person, ()), marker)
        by_all = _above(everyone, marker) - _above(own_everyone.get(person, ()), marker)
        mentions = by_all + _above(named.get(person, ()), marker)
        return Count(min(unread, MOST_COUNTED), min(mentions, MOST_COUNTED))

    return {person: count(person, marker) for person, marker in markers.items()}


def _above(offsets: "list[int] | tuple[()]", marker: int) -> int:
    return len(offsets) - bisect_right(offsets, marker)
