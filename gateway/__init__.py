"""The door: REST, realtime and the command line in front of the engine (aiohttp, asyncio).

`gateway.app` composes it, `gateway.rest` is the HTTP interface under `/api/v1`, `gateway.realtime` the Centrifuge protocol under
`/connection/`, `gateway.cli` the command `gathering`.
"""
