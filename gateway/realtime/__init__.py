"""Realtime: the Centrifuge client protocol (JSON) over WebSockets.

From the wire inwards: `hub` knows the live connections, `socket` carries one of them, `session` says what its commands do,
`rpc` names the engine's commands, `protocol` knows the frames and `codes` the numbers. Only `hub` and `socket` know aiohttp.
"""

from gateway.realtime.hub import Hub
from gateway.realtime.settings import RealtimeSettings

__all__ = ["Hub", "RealtimeSettings"]
