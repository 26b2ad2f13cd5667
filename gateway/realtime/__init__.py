"""Realtime: the Centrifuge client protocol (JSON) over WebSockets and streamed responses.

From the wire inwards: `hub` knows what is live, `connection` runs one connection over its carrier (`socket`, or `stream_carrier`
with `emulation` and `framing`), `session` says what its commands do, `rpc` names the engine's commands, `protocol` knows the frames
and `codes` the numbers. `event_stream` and `server_sent` are the plain stream of a timeline's events. aiohttp is known to `hub`,
`emulation`, the carriers and `event_stream`.
"""

from gateway.realtime.hub import Hub
from gateway.realtime.settings import RealtimeSettings

__all__ = ["Hub", "RealtimeSettings"]
