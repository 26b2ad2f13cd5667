"""Answers from outside, over real sockets: a program writes one by rpc, others read it, and end it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.gateway.realtime.test_socket import Wire, wire
from tests.support.rest import Client, Person
from tests.support.server_sent import EventReader

pytestmark = pytest.mark.anyio


OUTSIDE = {
    "name": "outside",
    "persona": "",
    "model": "external",
    "room_policy": "always",
    "conversation_policy": "always",
}


class Conversant:
    """Someone connected, in one room: what they ask is answered, what they hear is kept."""

    def __init__(self, socket: Wire, room: str) -> None:
        self.socket = socket
        self.channel = f"room:{room}"
        self.heard: list[dict[str, Any]] = []
        self._number = 10

    async def ask(self, **command: Any) -> Any:
        """The reply to a command; what is pushed before it is heard."""
        self._number += 1
        await self.socket.send({"id": self._number, **command})
        while (line := await self.socket.next()).get("id") != self._number:
            self._hear(line)
        return line

    async def rpc(self, method: str, **data: Any) -> Any:
        reply = await self.ask(rpc={"method": method, "data": {"timeline": self.channel, **data}})
        return reply["error"] if "error" in reply else reply["rpc"]["data"]

    async def hear(self, kind: str) -> dict[str, Any]:
        """Wait for an event."""
        while not (found := [each for each in self.heard if each["type"] == kind]):
            await self.listen()
        return found[0]

    async def listen(self) -> None:
        """Take in what comes next."""
        self._hear(await self.socket.next())

    def _hear(self, line: dict[str, Any]) -> None:
        data = line.get("push", {}).get("pub", {}).get("data")
        if data is not None:
            self.heard.append(data)


@pytest.fixture
async def room(ada: Person) -> str:
    return await ada.room()


@pytest.fixture
async def agent(client: Client, ada: Person, root: Person, room: str) -> Person:
    """An agent for which a program speaks, with its API key, in the room."""
    defined = await root.post("/agents", OUTSIDE)
    agent_id = defined.body["id"]
    made = await root.post("/me/api-keys", {"name": "program", "agent_id": agent_id})
    assert (await ada.put(f"/rooms/{room}/agents/{agent_id}")).status == 200
    return Person(client, made.body["key"], agent_id, "outside")


@pytest.fixture
async def program(client: Client, agent: Person, room: str) -> AsyncIterator[Conversant]:
    async with wire(client) as socket:
        await socket.connect(agent)
        yield Conversant(socket, room)


@pytest.fixture
async def reader(client: Client, ada: Person, room: str) -> AsyncIterator[Conversant]:
    async with wire(client) as socket:
        await socket.connect(ada)
        reader = Conversant(socket, room)
        await reader.ask(subscribe={"channel": reader.channel})
        yield reader


async def test_a_program_streams_an_answer_that_becomes_a_message(
    program: Conversant, reader: Conversant, ada: Person, agent: Person, room: str
) -> None:
    question = await ada.say(room, "who?")

    started = await program.rpc("answer.start", question=question["id"])
    answer_id = started["answer_id"]
    await program.rpc("answer.delta", answer_id=answer_id, text="it was ")
    await program.rpc("answer.delta", answer_id=answer_id, text="me")
    finished = await program.rpc("answer.finish", answer_id=answer_id, client_id="c1", language="en")
    again = await program.rpc("answer.finish", answer_id=answer_id, client_id="c1", language="en")

    completed = await reader.hear("answer.completed")
    begun = await reader.hear("answer.started")
    text = "".join(each["text"] for each in reader.heard if each["type"] == "answer.delta")
    message = (await ada.get(f"/rooms/{room}/messages/{completed['message_id']}")).body
    assert (begun["answer_id"], begun["author"]["id"], begun["question"]) == (answer_id, agent.id, question["id"])
    assert (finished["created"], again["created"], again["message"]) == (True, False, finished["message"])
    assert (message["text"], message["answer_id"], message["reply_to"]) == (text, answer_id, question["id"])
    assert (text, message["language"], "partial" in message) == ("it was me", "en", False)


async def test_who_subscribes_midway_gets_the_text_so_far(
    program: Conversant, client: Client, ada: Person, room: str
) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]
    await program.rpc("answer.delta", answer_id=answer_id, text="so far ")

    async with wire(client) as socket:
        await socket.connect(ada)
        late = Conversant(socket, room)
        reply = await late.ask(subscribe={"channel": late.channel})
        await program.rpc("answer.delta", answer_id=answer_id, text="and on")
        delta = await late.hear("answer.delta")

    (so_far,) = reply["subscribe"]["data"]["answers"]
    assert (so_far["answer_id"], so_far["text"], so_far["index"], so_far["length"]) == (answer_id, "so far ", 1, 7)
    assert (delta["index"], delta["text"], delta["length"]) == (1, "and on", 13)


async def test_a_stream_of_events_carries_answers_and_what_they_said_before(
    program: Conversant, ada: Person, room: str
) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]
    await program.rpc("answer.delta", answer_id=answer_id, text="so far ")

    headers = {"Authorization": f"Bearer {ada.token}"}
    async with ada.client.get(f"/api/v1/rooms/{room}/stream", headers=headers) as response:
        events = EventReader(response)
        begun, so_far = await events.take(2)
        await program.rpc("answer.delta", answer_id=answer_id, text="and on")
        await program.rpc("answer.finish", answer_id=answer_id)
        more, posted, completed = await events.take(3)

    kinds = [each.kind for each in (begun, so_far, more, posted, completed)]
    assert kinds == ["answer.started", "answer.delta", "answer.delta", "message.posted", "answer.completed"]
    assert [(each.data["index"], each.data["text"]) for each in (so_far, more)] == [(0, "so far "), (1, "and on")]
    assert posted.data["message"]["text"] == "so far and on"


@pytest.mark.parametrize("door", ["rpc", "rest"])
async def test_anyone_in_the_room_stops_an_answer(
    program: Conversant, reader: Conversant, ada: Person, room: str, door: str
) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]
    await program.rpc("answer.delta", answer_id=answer_id, text="blah blah")

    if door == "rpc":
        stopped = await reader.rpc("cancel_answer", answer_id=answer_id)
    else:
        answer = await ada.post(f"/rooms/{room}/answers/{answer_id}/cancel")
        stopped = answer.body or {}
    cancelled = await reader.hear("answer.cancelled")
    kept = (await reader.hear("message.posted"))["message"]
    refused = await program.rpc("answer.delta", answer_id=answer_id, text="blah")
    again = await ada.post(f"/rooms/{room}/answers/{answer_id}/cancel")

    assert stopped == {}
    assert (cancelled["answer_id"], cancelled["by"], cancelled["text"]) == (answer_id, ada.id, "blah blah")
    assert (kept["text"], kept["answer_id"], kept["partial"]) == ("blah blah", answer_id, True)
    assert refused["message"] == "not_found"
    assert (again.status, again.code) == (404, "not_found")


async def test_a_program_that_gives_up_says_why(program: Conversant, reader: Conversant) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]

    await program.rpc("answer.fail", answer_id=answer_id, code="no_model", detail="the model is away")

    failed = await reader.hear("answer.failed")
    assert (failed["answer_id"], failed["code"], failed["detail"]) == (answer_id, "no_model", "the model is away")


async def test_an_answer_goes_on_over_the_next_connection(
    client: Client, agent: Person, reader: Conversant, room: str
) -> None:
    async with wire(client) as socket:
        await socket.connect(agent)
        before = Conversant(socket, room)
        answer_id = (await before.rpc("answer.start"))["answer_id"]
        await before.rpc("answer.delta", answer_id=answer_id, text="before, ")

    async with wire(client) as socket:
        await socket.connect(agent)
        after = Conversant(socket, room)
        await after.rpc("answer.delta", answer_id=answer_id, text="after")
        finished = await after.rpc("answer.finish", answer_id=answer_id)

    completed = await reader.hear("answer.completed")
    assert completed["message_id"] == finished["message"]["id"]
    assert finished["message"]["text"] == "before, after"


async def test_a_program_that_does_not_come_back_has_failed(
    client: Client, agent: Person, reader: Conversant, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.realtime.authoring.GRACE", 0.05)
    async with wire(client) as socket:
        await socket.connect(agent)
        gone = Conversant(socket, room)
        answer_id = (await gone.rpc("answer.start"))["answer_id"]
        await gone.rpc("answer.delta", answer_id=answer_id, text="and then")

    failed = await reader.hear("answer.failed")

    assert (failed["answer_id"], failed["code"], failed["text"]) == (answer_id, "disconnected", "and then")


async def test_many_small_deltas_do_not_count_as_commands(program: Conversant, reader: Conversant) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]

    replies = [await program.rpc("answer.delta", answer_id=answer_id, text=f"{number} ") for number in range(150)]
    finished = await program.rpc("answer.finish", answer_id=answer_id)
    await reader.hear("answer.completed")

    text = "".join(each["text"] for each in reader.heard if each["type"] == "answer.delta")
    assert replies == [{}] * 150
    assert finished["message"]["text"] == text == "".join(f"{number} " for number in range(150))


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("answer.delta", {"answer_id": "a", "text": ""}),
        ("answer.delta", {"answer_id": "", "text": "x"}),
        ("answer.finish", {"answer_id": "a", "client_id": "x" * 65}),
        ("answer.start", {"answer_id": "x" * 65}),
        ("answer.fail", {"answer_id": "a", "code": "Not A Code"}),
        ("cancel_answer", {}),
    ],
)
async def test_what_is_malformed_is_a_bad_request(program: Conversant, method: str, data: dict[str, Any]) -> None:
    assert (await program.rpc(method, **data))["code"] == 107


async def test_nobody_answers_in_a_personal_channel(program: Conversant, agent: Person) -> None:
    program.channel = f"user:{agent.id}"

    refused = [await program.rpc("answer.start"), await program.rpc("cancel_answer", answer_id="a1")]

    assert [each["message"] for each in refused] == ["not_found", "not_found"]


async def test_people_post_and_do_not_stream(reader: Conversant) -> None:
    assert (await reader.rpc("answer.start"))["message"] == "permission denied"


async def test_a_lost_call_can_be_made_again(program: Conversant) -> None:
    first = await program.rpc("answer.start", answer_id="mine")
    again = await program.rpc("answer.start", answer_id="mine")
    for at, text in ((0, "one "), (0, "one "), (2, "e two"), (7, " three")):
        await program.rpc("answer.delta", answer_id="mine", text=text, at=at)
    gap = await program.rpc("answer.delta", answer_id="mine", text="nothing", at=100)
    finished = await program.rpc("answer.finish", answer_id="mine")

    assert first == {"answer_id": "mine"}
    assert again["message"] == "conflict"
    assert gap["code"] == 107
    assert finished["message"]["text"] == "one two three"


async def test_a_key_for_an_agent_is_made_by_administrators_and_speaks_for_the_agent_alone(
    root: Person, ada: Person, agent: Person
) -> None:
    other = await root.post("/agents", {**OUTSIDE, "name": "inside", "model": "archivist"})

    refused = [
        await ada.post("/me/api-keys", {"name": "mine", "agent_id": agent.id}),
        await root.post("/me/api-keys", {"name": "no", "agent_id": other.body["id"]}),
        await root.post("/me/api-keys", {"name": "no", "agent_id": ada.id}),
        await agent.post("/me/api-keys", {"name": "another"}),
        await agent.post("/agents", OUTSIDE),
        await ada.get("/me/agent"),
    ]
    own = await agent.get("/me/agent")
    listed = await root.get("/me/api-keys")
    await root.delete(f"/agents/{agent.id}")
    gone = await agent.get("/me/agent")

    assert [each.status for each in refused] == [403, 422, 422, 403, 403, 404]
    assert (own.body["agent"]["id"], len(own.body["timelines"])) == (agent.id, 1)
    assert [each["agent_id"] for each in listed.body["items"]] == [agent.id]
    assert gone.status == 401


async def test_an_agent_outside_keeps_to_its_rest_and_its_budgets(
    program: Conversant, agent: Person, root: Person
) -> None:
    async def refusal() -> str:
        return str((await program.rpc("answer.start", answer_id="other")).get("message", "none"))

    await root.patch(f"/agents/{agent.id}", {"daily_answers": 1, "cooldown_seconds": 3600})
    refused = await program.rpc("answer.start", question="0190a000-0000-7000-8000-000000000000")
    await program.rpc("answer.start", answer_id="mine")
    over = await refusal()
    await program.rpc("answer.finish", answer_id="mine", text="x" * 100)
    resting = await refusal()
    await root.patch(f"/agents/{agent.id}", {"daily_answers": None, "daily_tokens": 20, "cooldown_seconds": 0})
    spent = await refusal()
    await root.patch(f"/agents/{agent.id}", {"daily_tokens": None})
    free = await refusal()

    assert refused["message"] == "bad request"
    assert (over, resting, spent, free) == ("quota_exceeded", "rate_limited", "quota_exceeded", "none")
