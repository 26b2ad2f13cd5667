"""Pages of messages, from memory or from the table."""

from collections.abc import Sequence

from engine.domain.messages import Message
from engine.timelines.commands import MessagePage, ReadMessages


def page_of(items: Sequence[Message], asked: ReadMessages) -> MessagePage:
    """The page that was asked for, from up to one message more than it holds: that one tells whether there is more."""
    forward = asked.after is not None and asked.before is None
    more = len(items) > asked.limit
    page = items[-asked.limit :] if forward else items[: asked.limit]
    older = more or forward
    return MessagePage(list(page), page[-1].offset if page and older else None)
