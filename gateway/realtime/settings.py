"""What an operator may set about realtime connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeSettings:
    """Limits and intervals of a realtime connection. Times in seconds, sizes in bytes.

    The defaults are those of PROTOCOL.md, and otherwise those of the Centrifuge server.
    """

    allowed_origins: frozenset[str] = frozenset()
    """Origins, besides the server's own, from which a browser's cookies are honoured: `https://chat.example.org`."""
    frame_bytes: int = 64 * 1024
    """The largest incoming frame; a larger one ends the connection with 1009."""
    subscriptions: int = 128
    """Subscriptions of one connection, not counting the one to the person's own channel."""
    commands_per_second: float = 20.0
    commands_burst: int = 60
    commands_refused: int = 180
    """Commands refused without a pause long enough to fill the bucket again, after which the connection ends with 3013."""
    deltas_per_second: float = 200.0
    """Of the rpc `answer.delta`, which does not count as a command: several answers of one connection in many small pieces."""
    deltas_burst: int = 400
    queue_bytes: int = 1024 * 1024
    """Pushes that may wait for a client that reads slowly; one more ends the connection with 3008."""
    outgoing_frame_bytes: int = 128 * 1024
    """Where a frame of waiting replies and pushes is cut. A single longer one still leaves whole."""
    command_timeout: float = 5.0
    connect_timeout: float = 10.0
    """How long a new socket may take to send a good `connect`."""
    ping_interval: float = 25.0
    pong_timeout: float = 10.0
    expiry_grace: float = 25.0
    """How long after its token expired a connection may still bring a fresh one."""
    account_check_interval: float = 1.0
    """How old the knowledge may be that someone may still act. What this process changes is known at once."""
    history_limit: int = 1000
    """The most publications in one answer to `history`."""
    event_streams: int = 16
    """Streams of events that one person may have open at a time; one more is refused."""
    linger: float = 5.0
    """How long a closing connection may take to read what is left and the close frame, before its transport is aborted."""
