"""A server that speaks DeepL's API v2, as its public documentation describes it, and fails as it is told.

    with DeepLServer() as server:
        server.faults.append(Answer(429, retry_after="2"))      # the next request for a translation; those after it succeed
        ...
        assert server.texts == [["Hallo"]]

"Translations" are the words in capitals, and whatever is in tags of `ignore_tags` as it was. A text must be well-formed XML when
`tag_handling` is `xml`.
"""

import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

KEY = "11111111-2222-3333-4444-555555555555:fx"
SOURCES = "BG DA DE EN ES FR IT JA KO NB NL PL PT RU SV TR UK ZH".split()  # noqa: SIM905
TARGETS = "BG DA DE EN-GB EN-US ES ES-419 FR IT JA KO NB NL PL PT-BR PT-PT RU SV TR UK ZH ZH-HANS ZH-HANT".split()  # noqa: SIM905
WITH_FORMALITY = frozenset({"DE", "ES", "FR", "IT", "JA", "NL", "PL", "PT-BR", "PT-PT", "RU"})
LARGEST = 128 * 1024
MOST_TEXTS = 50


@dataclass(frozen=True)
class Answer:
    """An answer that is no translation. `body` None: the documented JSON for the status."""

    status: int
    body: bytes | None = None
    retry_after: str | None = None


@dataclass(frozen=True)
class Silence:
    """The request is read, and nothing comes."""


@dataclass(frozen=True)
class Drip:
    """A good answer, one byte every so many seconds. With `head`, already its first line."""

    seconds: float
    head: bool = False


@dataclass(frozen=True)
class Reset:
    """The connection is reset after so many bytes of a good answer's body; None: before any answer."""

    after: int | None


@dataclass(frozen=True)
class Changed:
    """A good answer whose translations are changed before they are sent."""

    change: Callable[[list[Any]], Any]


Fault = Answer | Silence | Drip | Reset | Changed


class DeepLServer:
    """Serves in threads of its own, on a free port of the loopback."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        """What becomes of the next requests for translations, one each."""
        self.always: Fault | None = None
        """What becomes of those after that."""
        self.requests: list[dict[str, Any]] = []
        """The bodies of all requests for translations, in the order of arrival."""
        self.paths: list[str] = []
        self.detects = "EN"
        self.glossaries: dict[str, tuple[str, str]] = {}
        self.used = 0
        self.limit = 500_000
        self.others: Fault | None = None
        """What becomes of requests for usage and languages."""
        self.connections = 0
        """Open at the moment."""
        self.accepted = 0
        self.stopping = Event()
        self.lock = Lock()
        handler = type("Handler", (_Handler,), {"deepl": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def texts(self) -> list[list[str]]:
        """The texts of each request."""
        return [request["text"] for request in self.requests]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    deepl: DeepLServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.deepl.lock:
            self.deepl.connections += 1
            self.deepl.accepted += 1

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass
        finally:
            with self.deepl.lock:
                self.deepl.connections -= 1

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client has gone, or was thrown out
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(self._read())

    def do_POST(self) -> None:
        self._serve(self._read())

    def _read(self) -> dict[str, Any]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if len(raw) > LARGEST:
            return {"too_large": True}
        if self.headers.get_content_type() == "application/json":
            parsed: dict[str, Any] = json.loads(raw)
            return parsed
        form = parse_qs(raw.decode())
        return {name: values if name == "text" else values[0] for name, values in form.items()}

    def _serve(self, body: dict[str, Any]) -> None:
        deepl, path = self.deepl, urlsplit(self.path).path
        with deepl.lock:
            deepl.paths.append(path)
            if path == "/v2/translate":
                deepl.requests.append(body)
                fault = deepl.faults.popleft() if deepl.faults else deepl.always
            else:
                fault = deepl.others
        if self.headers.get("Authorization") != f"DeepL-Auth-Key {KEY}":
            fault = Answer(403)
        match fault:
            case Answer(status, raw, retry_after):
                raw = json.dumps({"message": _MESSAGES.get(status, "")}).encode() if raw is None else raw
                self._send(status, raw, retry_after)
            case Silence():
                self._wait_for_the_client_to_leave()
            case Reset(after):
                self._reset(after, self._good(path, body))
            case Drip(seconds, head):
                self._drip(self._good(path, body), seconds, head=head)
            case Changed(change):
                status, answer = self._good(path, body)
                translations = change(answer["translations"])
                self._send(status, json.dumps({"translations": translations}).encode())
            case None:
                status, answer = self._good(path, body)
                self._send(status, json.dumps(answer).encode())

    def _good(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        match path:
            case "/v2/usage":
                return 200, {"character_count": self.deepl.used, "character_limit": self.deepl.limit}
            case "/v2/languages" if body.get("type") == "target":
                return 200, [
                    {"language": code, "name": code, "supports_formality": code in WITH_FORMALITY} for code in TARGETS
                ]
            case "/v2/languages":
                return 200, [{"language": code, "name": code} for code in SOURCES]
            case "/v2/translate":
                return self._translate(body)
            case _:
                return 404, {"message": "Not found"}

    def _translate(self, body: dict[str, Any]) -> tuple[int, Any]:
        deepl = self.deepl
        if body.get("too_large"):
            return 413, {"message": "Payload too large"}
        texts, target, source = body["text"], body["target_lang"], body.get("source_lang")
        formality, glossary = body.get("formality", "default"), body.get("glossary_id")
        if target not in TARGETS:
            return 400, {"message": "Value for 'target_lang' not supported."}
        if (source is not None and source not in SOURCES) or not 1 <= len(texts) <= MOST_TEXTS:
            return 400, {"message": "Bad request. Reason: Value for 'source_lang' or 'text' not supported."}
        if formality in {"more", "less"} and target not in WITH_FORMALITY:
            return 400, {"message": "'formality' is not supported for given 'target_lang'."}
        if glossary is not None:
            if glossary not in deepl.glossaries:
                return 404, {"message": "Glossary not found"}
            if deepl.glossaries[glossary] != (source, target.partition("-")[0]):
                return 400, {"message": "The glossary does not match the languages."}
        characters = sum(map(len, texts))
        with deepl.lock:
            if deepl.used + characters > deepl.limit:
                return 456, {"message": _MESSAGES[456]}
            deepl.used += characters
        return 200, {
            "translations": [
                {
                    "detected_source_language": source or deepl.detects,
                    "text": _in_capitals(text, body),
                    "billed_characters": len(text),
                }
                for text in texts
            ]
        }

    # -- sending ---------------------------------------------------------------------------------------------------------

    def _send(self, status: int, raw: bytes, retry_after: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(raw)

    def _reset(self, after: int | None, good: tuple[int, Any]) -> None:
        raw = json.dumps(good[1]).encode()
        if after is not None:
            self.send_response(good[0])
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw[:after])
            self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _drip(self, good: tuple[int, Any], seconds: float, *, head: bool) -> None:
        raw = json.dumps(good[1]).encode()
        start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(raw)
        if not head:
            self.wfile.write(start)
        for byte in start + raw if head else raw:
            if self.deepl.stopping.wait(seconds):
                break
            self.wfile.write(bytes([byte]))
        self.close_connection = True

    def _wait_for_the_client_to_leave(self) -> None:
        self.connection.settimeout(0.05)
        while not self.deepl.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    break
            except TimeoutError:
                continue
        self.close_connection = True


_MESSAGES = {
    403: "Forbidden",
    429: "Too many requests",
    456: "Quota Exceeded",
    500: "Internal server error",
    503: "Resource currently unavailable",
    529: "Too many requests",
}


def _in_capitals(text: str, body: dict[str, Any]) -> str:
    if body.get("tag_handling") != "xml":
        return text.upper()
    ignored = frozenset(body.get("ignore_tags", ()))
    root = ET.fromstring(f"<root>{text}</root>")  # noqa: S314 - made by the client under test

    def raise_case(element: ET.Element) -> None:
        if element.tag not in ignored and element.text:
            element.text = element.text.upper()
        for child in element:
            raise_case(child)
            if child.tail:
                child.tail = child.tail.upper()

    raise_case(root)
    whole = ET.tostring(root, encoding="unicode", short_empty_elements=False)
    return whole.removeprefix("<root>").removesuffix("</root>")
