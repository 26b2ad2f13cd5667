"""Whatever is sent to the REST interface, it answers what its own description says: schemathesis makes the requests."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import hypothesis
import pytest
import schemathesis
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.app import ENDPOINTS
from gateway.rest.endpoints import Endpoint
from gateway.rest.openapi import openapi
from tests.support.outside import PASSWORD, Outsider, command, unused
from tests.support.server import GatheringServer

API: Final = schemathesis.openapi.from_dict(openapi(ENDPOINTS, title="Gathering", version="0", description=""))
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SETTINGS: Final = hypothesis.settings(
    max_examples=6,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
AGENT: Final = {"persona": "curt", "model": "archivist", "room_policy": "never", "conversation_policy": "never"}
STREAM_SECONDS: Final = 0.5
"""For which a stream is listened to: what it has to say at once."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatheringServer]:
    database = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('schemathesis')}/gathering.db"
    made = ("user", "create", "--username", "root", "--email", "root@example.org", "--password-stdin", "--admin")
    command("migrate", database_url=database)
    assert command(*made, said=PASSWORD, database_url=database).returncode == 0
    with GatheringServer(database, webhook_allow_private="true", log_level="warning") as server:
        yield server


@pytest.fixture(scope="module")
def people(server: GatheringServer) -> list[Outsider]:
    """Somebody to whom all belongs that there is, an administrator, and a member."""
    return [Outsider.register(server, "ada"), Outsider.sign_in(server, "root"), Outsider.register(server, "bob")]


@pytest.fixture(scope="module")
def there(people: list[Outsider]) -> dict[str, str]:
    """What there is for those who change nothing."""
    return furnish(people)


def furnish(people: list[Outsider]) -> dict[str, str]:
    """Make one of everything; returns the ids, by the names that paths have for them."""
    ada, root, bob = people
    room = ada.room(bob)
    message = ada.say(room, "a word", client_id="c")["id"]
    bob.say(room, "another", reply_to=message)
    ada.patch(f"/rooms/{room}/messages/{message}", {"text": "a better word"})
    group = ada.post("/conversations", {"kind": "group", "participants": [bob.id]}).body["id"]
    said = ada.post(f"/conversations/{group}/messages", {"text": "a word"}).body["id"]
    hook = ada.post(f"/rooms/{room}/webhooks", {"url": f"{ada.server.http}/livez"}).body["webhook"]["id"]
    agent = root.post("/agents", AGENT | {"name": unused("agent")}).body["id"]
    assert ada.put(f"/rooms/{room}/agents/{agent}").status == 200
    memory = ada.post(f"/agents/{agent}/memories", {"text": "a word"}).body["id"]
    document = root.upload(f"/agents/{agent}/documents", "tea.txt", b"tea").body["id"]
    return {
        "agent_id": agent,
        "document_id": document,
        "memory_id": memory,
        "answer_id": said,
        "room_id": room,
        "conversation_id": group,
        "message_id": message,
        "message_id of a conversation": said,
        "participant_id": bob.id,
        "user_id": bob.id,
        "webhook_id": hook,
        "delivery_id": f"msg_{hook.replace('-', '')}_2",
        "code": ada.post(f"/rooms/{room}/invites").body["code"],
        "emoji": "👍",
    }


@pytest.mark.parametrize("endpoint", [pytest.param(each, id=each.name) for each in ENDPOINTS])
def test_every_answer_is_described(
    endpoint: Endpoint, server: GatheringServer, people: list[Outsider], there: dict[str, str]
) -> None:
    operation = API.find_operation_by_id(endpoint.name)
    asking = people
    if endpoint.name == "logout":
        asking = [Outsider(server), Outsider.register(server)]
    elif endpoint.unsafe and endpoint.parameters:
        there = furnish(people)
    if "key_id" in endpoint.parameters:
        there = {"key_id": people[0].post("/me/api-keys", {"name": unused("key")}).body["id"]}
    if "session_id" in endpoint.parameters:
        leaving = Outsider.register(server)
        there = {"session_id": leaving.get("/me/sessions").body["items"][0]["id"]}
        asking = [Outsider(server), leaving]
    timeout = STREAM_SECONDS if endpoint.path.endswith("/stream") else 20.0

    @SETTINGS
    @hypothesis.given(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    def ask(case: Case[Any]) -> None:
        for number, person in enumerate(asking):
            if number == 1:
                name_what_is_there(case, there, people)
            headers = {"Authorization": f"Bearer {person.token}"} if person.token else {}
            answer = case.call(base_url=server.http, headers=headers, timeout=timeout)
            case.validate_response(answer, checks=CHECKS)

    ask()


def name_what_is_there(case: Case[Any], there: Mapping[str, str], people: list[Outsider]) -> None:
    """Put names of what there is into a made-up request: most of what is made up ends at 'there is no such thing'."""
    path: dict[str, Any] = case.path_parameters or {}
    for name in path:
        within = f"{name} of a conversation"
        path[name] = there[within if "conversation_id" in path and within in there else name]
    body: Any = case.body
    if isinstance(body, dict):
        known = {"participant": people[1].id, "participants": [people[1].id], "reply_to": path.get("message_id")}
        body.update({name: value for name, value in known.items() if name in body})
