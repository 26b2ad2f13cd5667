"""DeepL, through its own client, in threads. The only module that imports it, and the first to do so: it takes its time.

The client's own retries are off: it would sleep in the thread, up to five times and up to two minutes, and does not look at `Retry-After`.
Here every call is one attempt with one time limit for all of it; `desk` and `interpreters` decide what follows.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

import anyio
import deepl
import requests
from deepl.http_client import HttpClient

from engine.clock import Clock
from engine.retry_after import parse_retry_after
from engine.traffic import Courtesy, Traffic
from engine.translation import tags
from engine.translation.cutting import Call, CuttingAdapter, call_in_thread, current_call
from engine.translation.languages import Offer, parse_tag
from engine.translation.markdown import Document
from engine.translation.provider import Batch, Capacity, ProviderFailed, Translated, Usage

T = TypeVar("T")

TEXTS: Final = 50
"""Of one request (DeepL API documentation, "Translate text")."""
CHARACTERS: Final = 18_000
"""Of one request. DeepL takes 128 KiB, and the client writes most characters outside of ASCII as six bytes."""
CONTEXT: Final = 2_000
"""Characters of earlier messages that go along. They are not billed."""
REST: Final = 0.001
"""Seconds for which others have their turn, now and then while renderings are read: to read fifty of them takes 5 to 10 ms."""
PATIENCE: Final = 0.008
"""Seconds for which those who post come first then, at most."""
FALLBACK: Final = Offer(
    tuple(
        "AR BG CS DA DE EL EN ES ET FI FR HE HU ID IT JA KO LT LV NB NL PL PT RO RU SK SL SV TH TR UK VI ZH".split()  # noqa: SIM905
    ),
    tuple(
        "AR BG CS DA DE EL EN-GB EN-US ES ES-419 ET FI FR HE HU ID IT JA KO LT LV NB NL PL PT-BR PT-PT RO RU SK SL SV TH"  # noqa: SIM905
        " TR UK VI ZH-HANS ZH-HANT".split()
    ),
)
"""What DeepL has offered for long; used until it has said what it offers now."""

_REGIONAL: Final = {"EN": "EN-US", "PT": "PT-BR"}
"""Targets that the client refuses as too vague."""
_FORMALITY: Final = {
    "more": "prefer_more",
    "formal": "prefer_more",
    "prefer_more": "prefer_more",
    "less": "prefer_less",
    "informal": "prefer_less",
    "prefer_less": "prefer_less",
}
"""A language that has no formality does without: to insist on it is an error with DeepL."""
_TOO_MANY: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, 529})
_SERVER_ERROR: Final = 500
_GLOSSARY_REFUSED: Final = "DeepL does not know the glossary, or not for these languages"


class DeepL:
    """The provider `deepl`. `timeout`, in seconds, is for one request as a whole; `requests` may be under way at a time."""

    name = "deepl"
    known = FALLBACK

    def __init__(
        self,
        auth_key: str,
        clock: Clock,
        *,
        traffic: Traffic | None = None,
        server_url: str | None = None,
        timeout: float = 10.0,
        requests: int = 4,
        model: str | None = None,
    ) -> None:
        self.capacity = Capacity(texts=TEXTS, characters=CHARACTERS, requests=requests)
        self._client = _Client(auth_key, server_url, timeout, requests)
        self._clock = clock
        self._courtesy = Courtesy(traffic or Traffic(), PATIENCE, rest=REST)
        self._timeout = timeout
        self._model = model
        self._limiter = anyio.CapacityLimiter(requests + 1)  # one for usage and languages
        self._offer = FALLBACK
        self._unknown_glossaries: set[str] = set()

    async def translate(self, batch: Batch) -> list[Translated | ProviderFailed]:
        """See `Provider`."""
        target = self._offer.target(batch.target)
        if target is None:
            raise ProviderFailed("unsupported", f"DeepL does not translate into {batch.target}")
        source = None if batch.source is None else self._offer.source(batch.source)
        glossary = None if source is None or batch.glossary in self._unknown_glossaries else batch.glossary
        try:
            results = await self._attempt(batch, source, target, glossary)
        except ProviderFailed as error:
            if glossary is None or str(error) != _GLOSSARY_REFUSED:
                raise
            # A glossary that is gone, or is for other languages, must not keep a room from being read.
            self._unknown_glossaries.add(glossary)
            results = await self._attempt(batch, source, target, None)
        if len(results) != len(batch.documents):
            raise ProviderFailed("malformed", f"DeepL answered {len(results)} texts of {len(batch.documents)}")
        outcomes: list[Translated | ProviderFailed] = []
        for document, result in zip(batch.documents, results, strict=True):
            outcomes.append(_outcome(document, result, batch.source))
            await self._courtesy.after_you()
        return outcomes

    async def _attempt(
        self, batch: Batch, source: str | None, target: str, glossary: str | None
    ) -> list[deepl.TextResult]:
        def work() -> Any:
            return self._client.translate_text(
                [tags.encode(document) for document in batch.documents],
                source_lang=source,
                target_lang=target,
                context="\n".join(batch.context)[-CONTEXT:] or None,
                formality=_FORMALITY.get((batch.formality or "").lower()),
                glossary=glossary,
                model_type=self._model,
                preserve_formatting=True,
                tag_handling="xml",
                outline_detection=False,
                splitting_tags=[tags.LINE],
                ignore_tags=[tags.KEPT],
            )

        results: list[deepl.TextResult] = await self._call(work)
        return results

    async def offer(self) -> Offer:
        """See `Provider`."""
        sources = await self._call(self._client.get_source_languages)
        targets = await self._call(self._client.get_target_languages)
        offer = Offer(
            tuple(str(language.code).upper() for language in sources),
            tuple(dict.fromkeys(_REGIONAL.get(code, code) for code in (str(each.code).upper() for each in targets))),
        )
        if not (offer.sources and offer.targets):
            raise ProviderFailed("malformed", "DeepL answered no languages")
        self._offer = offer
        self._unknown_glossaries.clear()
        return offer

    async def usage(self) -> Usage:
        """See `Provider`."""
        usage = await self._call(self._client.get_usage)
        return Usage(usage.character.count, usage.character.limit)

    def close(self) -> None:
        """See `Provider`."""
        self._client.close()  # type: ignore[no-untyped-call]

    async def _call(self, work: Callable[[], T]) -> T:
        """Make one call in a thread. Raises `ProviderFailed` for whatever goes wrong."""
        call = Call()
        try:
            return await call_in_thread(work, call, timeout=self._timeout, limiter=self._limiter)
        except TimeoutError:
            raise ProviderFailed("timeout", f"DeepL did not answer within {self._timeout:g} s") from None
        except deepl.DeepLException as error:
            raise _failed(error, parse_retry_after(call.retry_after, self._clock.now)) from None
        except (TypeError, ValueError, KeyError, AttributeError):
            # The client takes an answer apart without looking whether it is one.
            raise ProviderFailed("malformed", "DeepL's answer makes no sense") from None


class _Client(deepl.DeepLClient):
    """The official client on an HTTP client that makes one attempt."""

    def __init__(self, auth_key: str, server_url: str | None, timeout: float, connections: int) -> None:
        super().__init__(auth_key, server_url=server_url, send_platform_info=False)
        self._client.close()  # type: ignore[no-untyped-call]
        self._client = _OneAttempt(timeout, connections)
        self.set_app_info("gathering", "1")
        logging.getLogger("deepl").setLevel(logging.WARNING)  # at lower levels it logs the texts


class _OneAttempt(HttpClient):
    def __init__(self, timeout: float, connections: int) -> None:
        super().__init__(send_platform_info=False)
        self._timeout = timeout
        adapter = CuttingAdapter(pool_maxsize=connections + 1)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def request_with_backoff(  # noqa: PLR0917 - as in the base class
        self,
        method: str,
        url: str,
        data: dict[str, Any] | None,
        json: dict[str, Any] | None,
        headers: dict[str, Any],
        stream: bool = False,  # noqa: FBT001, FBT002
        **options: Any,
    ) -> Any:
        """One attempt, whatever comes of it."""
        request = self._prepare_request(method, url, data, json, headers, **options)
        request.register_hook("response", _note_retry_after)
        return self._internal_request(request, stream, timeout=self._timeout)


def _note_retry_after(response: requests.Response, **_: Any) -> None:
    current_call().retry_after = response.headers.get("Retry-After")


def _outcome(document: Document, result: deepl.TextResult, source: str | None) -> Translated | ProviderFailed:
    text: object = result.text
    detected: object = result.detected_source_lang
    if not (isinstance(text, str) and isinstance(detected, str) and detected):
        return ProviderFailed("malformed", "DeepL's answer makes no sense")
    try:
        return Translated(tags.decode(document, text), source or parse_tag(detected).language)
    except tags.Damaged as error:
        return ProviderFailed("damaged", str(error))


def _failed(error: deepl.DeepLException, retry_after: float | None) -> ProviderFailed:
    status = error.http_status_code
    match error:
        case deepl.AuthorizationException():
            return ProviderFailed("unauthorized", "DeepL does not know the key (403)")
        case deepl.QuotaExceededException():
            return ProviderFailed("quota", "DeepL's quota is used up (456)")
        case _ if status in _TOO_MANY:
            return ProviderFailed("rate_limited", f"DeepL is asked too often ({status})", retry_after=retry_after)
        case deepl.ConnectionException() if isinstance(error.__cause__, requests.exceptions.Timeout):
            return ProviderFailed("timeout", "DeepL did not answer in time")
        case deepl.ConnectionException():
            return ProviderFailed("unavailable", "the connection to DeepL failed")
        case _ if status is None or status >= _SERVER_ERROR:
            return ProviderFailed("unavailable", f"DeepL answered {status}", retry_after=retry_after)
        case _ if status == HTTPStatus.BAD_REQUEST and "target_lang" in str(error):
            return ProviderFailed("unsupported", "DeepL does not translate into this language (400)")
        case _:
            about_glossary = "glossary" in str(error).lower()
            return ProviderFailed(
                "refused", _GLOSSARY_REFUSED if about_glossary else f"DeepL turned the request down ({status})"
            )
