"""`GET /metrics`: the process's figures for Prometheus, for administrators.

    authorization: {credentials: <an administrator's API key>}    # in Prometheus's scrape_config

What there is a count of already is read when it is asked for, and costs nothing until then. Only requests and committed events are
counted here. Names follow https://prometheus.io/docs/practices/naming/: seconds, and counters that end in `_total`.
"""

import time
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

import anyio
from aiohttp import web
from aiohttp.hdrs import METH_ALL
from aiohttp.typedefs import Handler
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from actors.tree import nodes
from engine.engine import Engine
from engine.errors import TryLater
from engine.interpreting.status import TranslationReport
from engine.timelines.feed import News
from gateway.realtime.hub import Hub
from gateway.rest.auth import authenticate
from gateway.rest.endpoints import Access

disable_created_metrics()  # type: ignore[no-untyped-call] # one more series for each, which nobody makes use of

PATH: Final = "/metrics"
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
_PATIENCE: Final = 1.0
"""Seconds for which another process is waited for: Prometheus itself has ten by default."""
_OTHER: Final = "other"
"""Stands for methods and addresses that there are not: a client may invent any number, and each would be a series."""


class Metrics:
    """The figures of one process: its own counts, and the collectors of everything else."""

    def __init__(self, engine: Engine, hub: Hub) -> None:
        self._engine = engine
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gathering_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._took = Histogram(
            "gathering_http_request_seconds",
            "How long it took until a request was answered.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        events: Tally[str] = Tally()

        def count(news: News) -> None:
            events.update(str(event.__struct_config__.tag) for event in news.events)

        engine.feed.watch(count)
        self._figures = _Figures(engine, hub, events)
        self._registry.register(self._figures)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    @web.middleware
    async def measure(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request, and how long it took. What is streamed, and connections, are counted when they end, and not timed."""
        began = time.perf_counter()
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            self._count(request, answer.status)
            raise
        labels = self._count(request, response.status)
        if isinstance(response, web.Response):
            self._took.labels(*labels).observe(time.perf_counter() - began)
        return response

    def _count(self, request: web.Request, status: int) -> tuple[str, str]:
        resource = request.match_info.route.resource
        method = request.method if request.method in METH_ALL else _OTHER
        labels = method, _OTHER if resource is None else resource.canonical
        self._requests.labels(*labels, status).inc()
        return labels

    async def show(self, request: web.Request) -> web.Response:
        """Serve `GET /metrics`, in the format that the client asks for."""
        await authenticate(request, self._engine.accounts, Access.ADMIN)
        report = None
        with suppress(TryLater), anyio.move_on_after(_PATIENCE):
            report = await self._engine.interpreting.status()
        self._figures.translation = report
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})


class _Figures(Collector):
    """Reads what the engine and the hub know of themselves.

    What becomes of `translation` is known in another process, which is asked before.
    """

    def __init__(self, engine: Engine, hub: Hub, events: Tally[str]) -> None:
        self._engine = engine
        self._hub = hub
        self._events = events
        self.translation: TranslationReport | None = None

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        yield _gauge("connections", "Open connections and streams of events.", self._hub.connections)
        yield _gauge("people_connected", "People with at least one of them.", self._hub.users)
        yield _counter("events", "Events that timelines have committed.", ("type",), _by(self._events))
        yield from self._actors()
        if self.translation is not None:
            yield from self._translation(self.translation)
        yield from self._models()

    def _actors(self) -> Iterator[Metric]:
        system = self._engine.system
        actors, waiting = Tally[str](), Tally[str]()
        oldest: defaultdict[str, float] = defaultdict(float)
        for node in nodes(system.tree()):
            if node.capacity is None:
                continue  # a supervisor or a family, which has no mailbox
            family = node.path.partition("/")[2].partition("/")[0] or "root"
            actors[family] += 1
            waiting[family] += node.depth
            oldest[family] = max(oldest[family], node.oldest_for or 0.0)
        yield _gauges("actors", "Actors, by family.", ("family",), _by(actors))
        yield _gauges("mailbox_messages", "Messages that wait in mailboxes.", ("family",), _by(waiting))
        text = "Seconds for which the first message of any mailbox has been waiting."
        yield _gauges("mailbox_oldest_seconds", text, ("family",), _by(oldest))
        text = "Messages that no actor has handled."
        yield _counter("dead_letters", text, ("reason",), _by(system.dead_letters.counts))

    def _translation(self, report: TranslationReport) -> Iterator[Metric]:
        status, booths = report.translators, report.interpreting
        yield _gauge("translation_texts_waiting", "Texts that wait for a provider.", status.waiting)
        yield _counter(
            "translations",
            "Translations that readers wanted, by what became of them.",
            ("outcome",),
            [
                (("asked",), booths.asked),
                (("reused",), booths.reused),
                (("stored",), booths.stored),
                (("outdated",), booths.outdated),
                (("dropped_absent",), status.dropped_absent),
                (("dropped_present",), status.dropped_present),
            ],
        )
        of = [(each.name, each) for each in status.providers]
        labels = ("provider",)
        yield _counter(
            "translation_requests", "Requests to a provider.", labels, [((name,), each.requests) for name, each in of]
        )
        yield _counter("translation_texts", "Texts in them.", labels, [((name,), each.texts) for name, each in of])
        yield _counter(
            "translation_failures",
            "Requests, or single texts, that failed.",
            ("provider", "code"),
            [((name, code), number) for name, each in of for code, number in each.failures.items()],
        )
        in_flight = [((name,), each.in_flight) for name, each in of]
        yield _gauges("translation_requests_in_flight", "Requests under way.", labels, in_flight)
        used = [((name,), each.quota_used) for name, each in of if each.quota_used is not None]
        yield _gauges("translation_quota_characters", "Characters of the quota that are used.", labels, used)

    def _models(self) -> Iterator[Metric]:
        status = self._engine.models.status()
        outcomes = [
            ((each.model, outcome), number)
            for each in status.models
            for outcome, number in (
                ("answered", each.answered),
                ("cancelled", each.cancelled),
                *((str(code), number) for code, number in each.failed.items()),
            )
        ]
        yield _counter("model_requests", "Requests to chat models that have ended.", ("model", "outcome"), outcomes)
        tokens = [
            ((each.model, kind), number)
            for each in status.models
            for kind, number in (("input", each.input_tokens), ("output", each.output_tokens))
        ]
        yield _counter("model_tokens", "Tokens that they took.", ("model", "kind"), tokens)
        speaking = [((each.provider,), each.speaking) for each in status.providers]
        yield _gauges("model_answers_in_progress", "Answers that are being read.", ("provider",), speaking)
        waiting = [((each.provider,), each.waiting) for each in status.providers]
        yield _gauges("model_answers_waiting", "Requests that wait for their turn.", ("provider",), waiting)


_Series = Iterable[tuple[tuple[str, ...], float]]


def _by(numbers: Mapping[str, float]) -> _Series:
    return (((name,), number) for name, number in numbers.items())


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"gathering_{name}", text, value=value)


def _gauges(name: str, text: str, labels: tuple[str, ...], series: _Series) -> Metric:
    family = GaugeMetricFamily(f"gathering_{name}", text, labels=labels)
    for values, number in series:
        family.add_metric(values, number)
    return family


def _counter(name: str, text: str, labels: tuple[str, ...], series: _Series) -> Metric:
    family = CounterMetricFamily(f"gathering_{name}", text, labels=labels)
    for values, number in series:
        family.add_metric(values, number)
    return family
