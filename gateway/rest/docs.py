"""The documentation that the server carries with it: `/api/v1/openapi.json`, and `/api/docs` as a page that needs nothing else."""

from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import msgspec
from aiohttp import web

from gateway.rest.endpoints import PREFIX, Endpoint
from gateway.rest.openapi import Document, openapi
from gateway.rest.uploads import FORM

_DESCRIPTION: Final = (
    "A conversation engine. Lists answer {items, next}; what goes wrong answers a problem document (RFC 9457) whose `code` "
    "is stable. Realtime speaks the Centrifuge client protocol at /connection/websocket, and where that is blocked at "
    "/connection/http_stream and /connection/sse."
)
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .5rem .8rem; }
summary { cursor: pointer; } summary b { display: inline-block; min-width: 4.5rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: 6px; }
nav a { margin-right: 1rem; }
"""


def add_docs(app: web.Application, endpoints: Iterable[Endpoint]) -> None:
    """Serve the description of these endpoints."""
    as_json, as_page = _written(tuple(endpoints))

    async def document(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp gives it
        return web.Response(body=as_json, content_type="application/json")

    async def html(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp gives it
        return web.Response(text=as_page, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    app.router.add_get(f"{PREFIX}/openapi.json", document)
    app.router.add_get("/api/docs", html)


@cache
def _written(endpoints: tuple[Endpoint, ...]) -> tuple[bytes, str]:
    """The document and the page. It takes 30 ms, and what is described does not change."""
    described = openapi(endpoints, title="Gathering", version=_version(), description=_DESCRIPTION)
    return msgspec.json.encode(described), page(described)


def page(described: Document) -> str:
    """An OpenAPI document as one HTML page."""
    info = described["info"]
    tags = [tag["name"] for tag in described["tags"]]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(info['title'])}: the HTTP interface</title><style>{_STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        f"<p>The same for programs: <a href='{PREFIX}/openapi.json'>openapi.json</a></p><nav>",
        *(f"<a href='#{_anchor(tag)}'>{escape(tag)}</a>" for tag in tags),
        "<a href='#types'>Types</a></nav>",
    ]
    for tag in tags:
        parts.append(f"<h2 id='{_anchor(tag)}'>{escape(tag)}</h2>")
        for path, operations in described["paths"].items():
            parts += [_operation(path, method, op) for method, op in operations.items() if tag in op["tags"]]
    parts.append("<h2 id=types>Types</h2>")
    parts += [_type(name, schema) for name, schema in sorted(described["components"]["schemas"].items())]
    return "".join(parts)


def _operation(path: str, method: str, operation: Document) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{each['in']}<td>{_shape(each['schema'])}"
        for each in operation["parameters"]
    ]
    if body := operation.get("requestBody"):
        [(media_type, content)] = body["content"].items()
        is_form = media_type == FORM
        shape = f"{FORM}: {', '.join(content['schema']['properties'])}" if is_form else _shape(content["schema"])
        rows.append(f"<tr><td>body<td>{'required' if body['required'] else 'optional'}<td>{shape}")
    for status, answer in operation["responses"].items():
        shapes = " ".join(_shape(content["schema"]) for content in answer.get("content", {}).values())
        rows.append(f"<tr><td>{status}<td>{escape(answer['description'])}<td>{shapes}")
    who = "signed in" if "security" in operation else "anyone"
    return (
        f"<details id='{escape(operation['operationId'])}'><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary><p>Who: {who}. {escape(operation.get('description', ''))}</p>"
        f"<table>{''.join(rows)}</table></details>"
    )


def _type(name: str, schema: Document) -> str:
    text = escape(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
    return (
        f"<details id='type-{escape(name)}'><summary><code>{escape(name)}</code></summary><pre>{text}</pre></details>"
    )


def _shape(schema: Document) -> str:
    """A schema in a few words, with links to the named ones."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#type-{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_shape(choice) for choice in schema["anyOf"])
    words = [str(schema.get("type", "any"))]
    words += [
        f"{word} {schema[word]}" for word in ("format", "minimum", "maximum", "maxLength", "default") if word in schema
    ]
    return escape(", ".join(words))


def _anchor(tag: str) -> str:
    return "tag-" + escape(tag.lower().replace(" ", "-"))


def _version() -> str:
    try:
        return version("gathering")
    except PackageNotFoundError:
        return "0"
