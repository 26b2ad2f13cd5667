"""Asking an agent to answer once more, by both doors: who may, which message, and what comes of it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from gateway.realtime.codes import PROBLEMS
from tests.gateway.realtime.test_socket import until, wire
from tests.gateway.test_answers import Conversant
from tests.support.rest import Person, sign_up

pytestmark = pytest.mark.anyio

NOWHERE = "0190a000-0000-7000-8000-000000000000"
ARCHIVIST = {
    "name": "archivist",
    "persona": "",
    "model": "archivist",
    "room_policy": "mention",
    "conversation_policy": "always",
}
Ask: TypeAlias = Callable[[Person, str, str, str], Awaitable[str]]
"""Asks somebody's way, about a channel's message, an agent: the id of the answer to come, or the code of the problem."""


async def by_rest(person: Person, channel: str, message_id: str, agent_id: str) -> str:
    """POST .../regenerate"""
    kind, _, timeline_id = channel.partition(":")
    path = f"/{kind}s/{timeline_id}/messages/{message_id}/regenerate"
    answer = await person.post(path, {"agent_id": agent_id})
    return str(answer.body["answer_id"]) if answer.status == 202 else answer.code


async def by_rpc(person: Person, channel: str, message_id: str, agent_id: str) -> str:
    """The rpc `regenerate`."""
    async with wire(person.client) as socket:
        await socket.connect(person)
        conversant = Conversant(socket, "")
        conversant.channel = channel
        answer = await conversant.rpc("regenerate", message_id=message_id, agent_id=agent_id)
    if "answer_id" in answer:
        return str(answer["answer_id"])
    return next(code for code, reply in PROBLEMS.items() if reply.code == answer["code"])


@pytest.fixture(params=[by_rest, by_rpc], ids=["rest", "rpc"])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


@pytest.fixture
async def agent(root: Person) -> str:
    return str((await root.post("/agents", ARCHIVIST)).body["id"])


@pytest.fixture
async def room(ada: Person, agent: str) -> str:
    room = await ada.room()
    assert (await ada.put(f"/rooms/{room}/agents/{agent}")).status == 200
    return f"room:{room}"


async def said(person: Person, channel: str, text: str) -> dict[str, Any]:
    """Post something and answer it."""
    posted = await person.post(f"/{channel.replace(':', 's/')}/messages", {"text": text})
    assert posted.status == 201, posted.body
    return dict(posted.body)


async def answers_to(person: Person, channel: str, question: str, *, many: int) -> list[dict[str, Any]]:
    """The replies to a message, oldest first, once there are so many."""
    found: list[dict[str, Any]] = []

    async def complete() -> bool:
        page = await person.get(f"/{channel.replace(':', 's/')}/messages?limit=100")
        found[:] = [each for each in reversed(page.body["items"]) if each["reply_to"] == question]
        return len(found) >= many

    await until(complete)
    return found


async def test_an_agent_answers_a_message_again_that_is_not_the_newest_any_more(
    ask: Ask, ada: Person, room: str, agent: str
) -> None:
    question = await said(ada, room, "@archivist who is here?")
    await answers_to(ada, room, question["id"], many=1)
    await said(ada, room, "By the way, tea is ready.")

    answer_id = await ask(ada, room, question["id"], agent)

    first, second = await answers_to(ada, room, question["id"], many=2)
    assert second["answer_id"] == answer_id != first["answer_id"]
    assert {first["author"]["id"], second["author"]["id"]} == {agent}


async def test_a_message_that_mentioned_nobody_is_answered_when_that_is_asked_for(
    ask: Ask, ada: Person, bob: Person, room: str, agent: str
) -> None:
    await bob.post(f"/rooms/{room.partition(':')[2]}/join")
    remark = await said(ada, room, "Tea is ready.")

    answer_id = await ask(bob, room, remark["id"], agent)

    (answer,) = await answers_to(ada, room, remark["id"], many=1)
    assert answer["answer_id"] == answer_id


async def test_it_is_for_those_who_may_write_there(ask: Ask, ada: Person, bob: Person, room: str, agent: str) -> None:
    outsider = await sign_up(ada.client, "eve")
    room_id = room.partition(":")[2]
    question = await said(ada, room, "Tea is ready.")
    await bob.post(f"/rooms/{room_id}/join")
    muted = await ada.post(f"/rooms/{room_id}/members/{bob.id}/mute", {"until": "2100-01-01T00:00:00Z"})
    assert muted.status == 200, muted.body

    refusals = [await ask(each, room, question["id"], agent) for each in (bob, outsider)]

    assert refusals == ["forbidden", "forbidden"]


async def test_what_is_not_there_is_not_found_and_what_is_gone_is_a_conflict(
    ask: Ask, ada: Person, root: Person, room: str, agent: str
) -> None:
    question, gone = await said(ada, room, "Tea is ready."), await said(ada, room, "No, it is not.")
    elsewhere = await said(ada, f"room:{await ada.room('Elsewhere')}", "Tea is ready here.")
    other = (await root.post("/agents", {**ARCHIVIST, "name": "stranger"})).body["id"]
    await ada.delete(f"/rooms/{room.partition(':')[2]}/messages/{gone['id']}")

    refusals = {
        "no such room": await ask(ada, f"room:{NOWHERE}", question["id"], agent),
        "no such message": await ask(ada, room, NOWHERE, agent),
        "a message of another room": await ask(ada, room, elsewhere["id"], agent),
        "no such agent": await ask(ada, room, question["id"], NOWHERE),
        "an agent that is not here": await ask(ada, room, question["id"], other),
        "a deleted message": await ask(ada, room, gone["id"], agent),
    }

    assert refusals == {**dict.fromkeys(refusals, "not_found"), "a deleted message": "conflict"}


async def test_an_agent_outside_cannot_be_asked_so_and_none_answers_itself(
    ask: Ask, ada: Person, root: Person, room: str, agent: str
) -> None:
    program = (await root.post("/agents", {**ARCHIVIST, "name": "program", "model": "external"})).body["id"]
    await ada.put(f"/rooms/{room.partition(':')[2]}/agents/{program}")
    question = await said(ada, room, "@archivist who is here?")
    (answer,) = await answers_to(ada, room, question["id"], many=1)

    refusals = [await ask(ada, room, question["id"], program), await ask(ada, room, answer["id"], agent)]

    assert refusals == ["invalid_request", "invalid_request"]


async def test_it_works_in_conversations_for_those_who_are_in_them(
    ask: Ask, ada: Person, bob: Person, agent: str
) -> None:
    private = await ada.post("/conversations", {"kind": "private", "participants": [agent]})
    channel = f"conversation:{private.body['id']}"
    question = await said(ada, channel, "Who is here?")
    await answers_to(ada, channel, question["id"], many=1)

    refused = await ask(bob, channel, question["id"], agent)
    given = await ask(ada, channel, question["id"], agent)

    answers = await answers_to(ada, channel, question["id"], many=2)
    assert answers[-1]["answer_id"] == given
    assert refused in {"forbidden", "not_found"}
