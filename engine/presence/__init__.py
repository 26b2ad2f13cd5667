"""Presence: who is connected to this process, and what they say of their availability.

`people` is what the doors tell, `following` is how timelines hear of the changes that concern them.
"""

from engine.presence.following import Following
from engine.presence.people import People

__all__ = ["Following", "People"]
