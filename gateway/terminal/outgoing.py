"""Own posts that the server has not confirmed yet."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Delivery(Enum):
    """How far a post has come. Once it is confirmed it is a message like any other."""

    WAITING = "waiting"
    """Not sent, or sent over a connection that ended before the answer: it goes out when the connection stands again."""
    SENDING = "sending"
    FAILED = "failed"
    """Refused for good; its author may try again or throw it away."""


@dataclass(slots=True)
class Outgoing:
    """A post under way. `client_id` stays the same however often it is sent, so that the server takes it once."""

    client_id: str
    text: str
    at: datetime
    reply_to: str | None = None
    delivery: Delivery = Delivery.WAITING
    problem: str = ""
    """Why it was refused."""


class Outbox:
    """The posts of one timeline that are under way, in the order in which they were written."""

    def __init__(self) -> None:
        self._posts: dict[str, Outgoing] = {}

    def __len__(self) -> int:
        return len(self._posts)

    @property
    def posts(self) -> tuple[Outgoing, ...]:
        """All of them, oldest first."""
        return tuple(self._posts.values())

    def add(self, post: Outgoing) -> None:
        """Take a new one."""
        self._posts[post.client_id] = post

    def get(self, client_id: str) -> Outgoing | None:
        """One of them."""
        return self._posts.get(client_id)

    def next(self) -> Outgoing | None:
        """The first that is to be sent. What was refused is passed over; what is being sent holds back what comes after it."""
        for post in self._posts.values():
            if post.delivery is not Delivery.FAILED:
                return post if post.delivery is Delivery.WAITING else None
        return None

    def sent(self, client_id: str | None) -> bool:
        """It is confirmed, by its answer or by its event, whichever came first; whether it was still here."""
        return client_id is not None and self._posts.pop(client_id, None) is not None

    def interrupted(self, client_id: str) -> None:
        """The connection ended before the answer: whether it was taken is not known."""
        if (post := self._posts.get(client_id)) is not None:
            post.delivery = Delivery.WAITING

    def refused(self, client_id: str, problem: str) -> None:
        """The server will not have it."""
        if (post := self._posts.get(client_id)) is not None:
            post.delivery, post.problem = Delivery.FAILED, problem

    def retry(self, client_id: str) -> bool:
        """Send a refused one again, after all others; whether there is one."""
        post = self._posts.get(client_id)
        if post is None or post.delivery is not Delivery.FAILED:
            return False
        del self._posts[client_id]
        post.delivery, post.problem = Delivery.WAITING, ""
        self._posts[client_id] = post
        return True

    def discard(self, client_id: str) -> bool:
        """Throw a refused one away; whether there is one."""
        post = self._posts.get(client_id)
        if post is None or post.delivery is not Delivery.FAILED:
            return False
        del self._posts[client_id]
        return True
