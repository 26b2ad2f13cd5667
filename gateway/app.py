"""The server: composed here, started here, stopped here."""

import signal
import sys
from contextlib import ExitStack
from functools import partial
from typing import Final

import anyio
import structlog
from aiohttp import web

from engine.chores import Chore, doing
from engine.domain.people import User
from engine.engine import Engine
from engine.logs import configure_logging
from engine.settings import LogFormat, Settings
from gateway import garbage
from gateway.cors import add_cors
from gateway.demo import furnish, welcome
from gateway.metrics import PATH, Metrics
from gateway.middleware import add_headers, frame
from gateway.realtime.emulation import Emulation
from gateway.realtime.hub import HUB, Hub
from gateway.realtime.settings import RealtimeSettings
from gateway.rest import (
    accounts,
    activity,
    admin,
    agents,
    answers,
    api_keys,
    avatars,
    conversations,
    documents,
    export,
    health,
    inbox,
    memories,
    messages,
    rooms,
    search,
    sessions,
    streams,
    webhooks,
)
from gateway.rest.docs import add_docs
from gateway.rest.endpoints import Endpoint
from gateway.rest.health import LIFECYCLE, Lifecycle
from gateway.rest.routing import add_endpoints
from gateway.sockets import BACKLOG, listen, url
from gateway.web import add_web

MAX_BODY_BYTES: Final = 64 * 1024
MAX_HEADER_BYTES: Final = 32 * 1024
"""Of one header, and of the request line; what is over it never gets to `frame`."""
SWITCH_INTERVAL: Final = 0.0002
"""Seconds after which a thread that works in Python lets the event loop go on. At Python's 5 ms a post waited that long, again and again,
for the official client of DeepL to take an answer apart; posts a second stay what they were (`python -m benchmarks posts`)."""
_EXPIRY_GRACE: Final = 25.0
"""Seconds (Centrifugo, client.expired_close_delay) in which a client may still refresh; never longer than a token lives."""

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    *accounts.ENDPOINTS,
    *api_keys.ENDPOINTS,
    *sessions.ENDPOINTS,
    *avatars.ENDPOINTS,
    *rooms.ENDPOINTS,
    *conversations.ENDPOINTS,
    *messages.ENDPOINTS,
    *answers.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *agents.ENDPOINTS,
    *memories.ENDPOINTS,
    *documents.ENDPOINTS,
    *streams.ENDPOINTS,
    *search.ENDPOINTS,
    *export.ENDPOINTS,
    *inbox.ENDPOINTS,
    *admin.ENDPOINTS,
    *activity.ENDPOINTS,
    *health.ENDPOINTS,
)

log = structlog.get_logger(__name__)


def build_app(engine: Engine, settings: Settings) -> web.Application:
    """Everything that is served from the one port, over an engine that runs."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[frame])
    app.on_response_prepare.append(add_headers)
    add_cors(app, frozenset(settings.allowed_origins))

    app[LIFECYCLE] = Lifecycle()
    add_endpoints(app, ENDPOINTS, engine, settings)
    add_docs(app, ENDPOINTS)
    add_web(app)

    app[HUB] = hub = Hub(engine, _realtime(settings))
    app.router.add_get("/connection/websocket", hub.handle)
    Emulation(hub).add_routes(app)
    metrics = Metrics(engine, hub)
    app.router.add_get(PATH, metrics.show)
    app.middlewares.insert(0, metrics.measure)

    def send_away(user: User) -> None:
        if not user.active:
            hub.disconnect_user(user.id)

    engine.accounts.watch(send_away)
    engine.accounts.api_keys.watch(hub.disconnect_api_key)
    engine.accounts.watch_sign_ins(hub.disconnect_sign_in)
    return app


async def serve(settings: Settings, *, demo: bool = False) -> None:
    """Run the server until SIGTERM or SIGINT, then drain it within `settings.shutdown_grace` seconds.

    Prints one line with the address once it is ready, and with `demo` how to sign in. `SettingsError` when it cannot listen.
    """
    configure_logging(settings.log_level, settings.log_format)
    with ExitStack() as listening, anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        sockets = [listening.enter_context(each) for each in await listen(settings.host, settings.port)]
        async with Engine.open(settings) as engine:
            if demo:
                await furnish(engine)
            app = build_app(engine, settings)
            runner = web.AppRunner(
                app,
                access_log=None,
                shutdown_timeout=settings.shutdown_grace / 4,
                max_field_size=MAX_HEADER_BYTES,
                max_line_size=MAX_HEADER_BYTES,
            )
            await runner.setup()
            try:
                for each in sockets:
                    await web.SockSite(runner, each, backlog=BACKLOG).start()
                app[LIFECYCLE].started = True
                garbage.spare_what_stays()
                sys.setswitchinterval(SWITCH_INTERVAL)
                async with doing(Chore(garbage.EVERY, partial(garbage.collect, engine.traffic))):
                    _announce(url(*sockets[0].getsockname()[:2]), settings.log_format, demo=demo)
                    async for number in signals:
                        log.info("server.stopping", signal=signal.Signals(number).name)
                        break
            finally:
                await _drain(runner, app, engine, seconds=settings.shutdown_grace / 4)


async def _drain(runner: web.AppRunner, app: web.Application, engine: Engine, *, seconds: float) -> None:
    """Stop listening, end the answers in progress, send the realtime clients elsewhere, and let the requests that have begun finish.

    Each of the latter three takes at most `seconds`; the engine has the rest of the grace for what it has accepted.
    """
    app[LIFECYCLE].draining = True
    with anyio.CancelScope(shield=True):
        for site in tuple(runner.sites):
            await site.stop()
        with anyio.move_on_after(seconds):
            await engine.stop_answers()
        with anyio.move_on_after(seconds):
            await app[HUB].shutdown()
        await runner.cleanup()


def _realtime(settings: Settings) -> RealtimeSettings:
    return RealtimeSettings(
        allowed_origins=frozenset(settings.allowed_origins),
        frame_bytes=settings.frame_bytes,
        subscriptions=settings.subscriptions,
        commands_per_second=settings.commands_per_second,
        commands_burst=settings.commands_burst,
        commands_refused=3 * settings.commands_burst,
        queue_bytes=settings.outgoing_queue_bytes,
        event_streams=settings.event_streams,
        ping_interval=settings.ping_interval,
        pong_timeout=min(settings.pong_timeout, settings.ping_interval),
        expiry_grace=min(_EXPIRY_GRACE, settings.access_token_seconds),
    )


def _announce(address: str, form: LogFormat, *, demo: bool) -> None:
    if form is LogFormat.JSON:  # whoever collects the output expects nothing else
        sys.stdout.write(f'{{"event": "server.listening", "address": "{address}"}}\n')
        sys.stdout.flush()
        return
    lines = [f"Gathering is listening on {address}", *(welcome(address) if demo else ())]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
