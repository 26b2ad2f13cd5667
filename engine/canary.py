"""The canary: health is measured through a real mailbox, not by whether a socket is open."""

from actors import Actor, Message, handles


class Ping(Message["Canary", None], frozen=True):
    """Is anybody there."""


class Canary(Actor):
    """Proves that messages are handled."""

    @handles(Ping)
    async def ping(self, message: Ping) -> None:
        """Answer."""
