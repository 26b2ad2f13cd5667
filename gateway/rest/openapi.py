"""The OpenAPI 3.1 document, made from the declared endpoints and the msgspec types they name."""

import inspect
from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import msgspec

from gateway.problems import KINDS, MEDIA_TYPE, Problem
from gateway.rest.cookies import ACCESS_TOKEN, CSRF_HEADER
from gateway.rest.endpoints import EVENT_STREAM, IMAGE, Access, Endpoint
from gateway.rest.pages import HIGHEST_OFFSET
from gateway.rest.uploads import FIELD, FORM, Upload

Document: TypeAlias = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_LAST_EVENT_ID: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The offset of the last event received; a browser's EventSource sends it when it comes back.",
    "schema": {"type": "integer", "minimum": 0, "maximum": HIGHEST_OFFSET},
}
_UPLOAD: Final = {
    "type": "object",
    "properties": {FIELD: {"type": "string", "format": "binary"}},
    "required": [FIELD],
    "additionalProperties": False,
}
_GOOD: Final = {
    200: "Done",
    201: "Created",
    202: "Accepted: it will be done",
    204: "Done; there is nothing to say",
    304: "You have it already",
    503: "Not now",
}


def openapi(endpoints: Sequence[Endpoint], *, title: str, version: str, description: str) -> Document:
    """Describe these endpoints."""
    schemas = _Schemas(endpoints)
    paths: dict[str, dict[str, Document]] = defaultdict(dict)
    for endpoint in endpoints:
        paths[endpoint.path][endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": description},
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
        "paths": dict(paths),
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": ACCESS_TOKEN,
                    "description": f"Set by signing in with `cookies=true`; every change must also send {CSRF_HEADER}.",
                },
            },
        },
    }


class _Schemas:
    """The JSON schemas of every type that the endpoints name, by the type."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        queries = [e.signature.query for e in endpoints if e.signature.query is not None]
        types: list[Any] = [Problem]
        for endpoint in endpoints:
            named = (endpoint.signature.body, *_answers(endpoint))
            types += [each for each in named if each not in (None, Upload) and each not in types]
        found, self.components = msgspec.json.schema_components(types, ref_template=_REF)
        self._by_type: list[tuple[Any, Document]] = list(zip(types, found, strict=True))
        _, self._queries = msgspec.json.schema_components(queries, ref_template=_REF)

    def of(self, wanted: Any) -> Document:
        """The schema of a body or an answer."""
        return next(schema for known, schema in self._by_type if known == wanted)

    def parameters(self, query: type[msgspec.Struct] | None) -> list[Document]:
        """The query parameters that a struct stands for."""
        if query is None:
            return []
        schema = self._queries[query.__name__]
        return [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", []),
                "schema": _without_null(field),
            }
            for name, field in schema["properties"].items()
        ]


def _without_null(field: Document) -> Document:
    """A query parameter is left out, it cannot be null."""
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return field
    return choices[0]  # type: ignore[no-any-return]


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Document:
    signature = endpoint.signature
    operation: Document = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": _summary(endpoint),
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in endpoint.parameters
            ),
            *schemas.parameters(signature.query),
            *([_LAST_EVENT_ID] if signature.media_type == EVENT_STREAM else []),
        ],
        "responses": _responses(endpoint, schemas),
    }
    if signature.body is Upload:
        operation["requestBody"] = {"required": True, "content": {FORM: {"schema": _UPLOAD}}}
    elif signature.body is not None:
        operation["requestBody"] = {
            "required": signature.body_required,
            "content": {"application/json": {"schema": schemas.of(signature.body)}},
        }
    if endpoint.access is not Access.PUBLIC:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
    if endpoint.access is Access.ADMIN:
        operation["description"] = "For administrators."
    return operation


def _answers(endpoint: Endpoint) -> tuple[Any, ...]:
    """The types of which an answer is one."""
    answer = endpoint.signature.answer
    return answer if isinstance(answer, tuple) else (answer,)


def _content(endpoint: Endpoint, schemas: _Schemas) -> Document:
    """The schema of a good answer; that of a stream is each event's, as OpenAPI 3.2 reads it (its section on `itemSchema`)."""
    answer = endpoint.signature.answer
    if endpoint.signature.media_type != EVENT_STREAM:
        return schemas.of(answer)
    data = {"anyOf": [schemas.of(each) for each in answer]}
    return {
        "type": "object",
        "properties": {
            "event": {"type": "string"},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
            "id": {"type": "string", "pattern": "^[0-9]+$"},
        },
        "required": ["event", "data"],
    }


def _summary(endpoint: Endpoint) -> str:
    return inspect.cleandoc(endpoint.handler.__doc__ or endpoint.handler.__name__)


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Document:
    responses: Document = {}
    for status in endpoint.statuses:
        answer: Document = {"description": _GOOD[status]}
        if endpoint.signature.media_type == IMAGE and status == HTTPStatus.OK:
            answer["content"] = {IMAGE: {"schema": {}}}
        elif endpoint.signature.answer is not None:
            answer["content"] = {endpoint.signature.media_type: {"schema": _content(endpoint, schemas)}}
        responses[str(status)] = answer
    by_status: dict[int, list[str]] = defaultdict(list)
    for code, statuses in endpoint.codes.items():
        for status in statuses:
            by_status[status].append(code)
    for status, codes in sorted(by_status.items()):
        if str(status) in responses:
            continue
        responses[str(status)] = {
            "description": "; ".join(f"`{code}`: {KINDS[code].title}" for code in sorted(codes)),
            "content": {MEDIA_TYPE: {"schema": schemas.of(Problem)}},
        }
    return responses
