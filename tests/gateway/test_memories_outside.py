"""What an agent outside remembers: while it gives an answer, of the one who asks and of that place, and of nobody else."""

import pytest

from tests.gateway.test_answers import Conversant, agent, program, reader, room
from tests.support.rest import Person

__all__ = ["agent", "program", "reader", "room"]

pytestmark = pytest.mark.anyio


async def asked(program: Conversant, person: Person, room: str, text: str = "outside?", answer_id: str = "a1") -> str:
    """Somebody asks, and the program begins to answer: the path of what it remembers."""
    question = await person.say(room, text)
    assert await program.rpc("answer.start", question=question["id"], answer_id=answer_id) == {"answer_id": answer_id}
    return f"/rooms/{room}/answers/{answer_id}/memories"


async def test_what_is_learned_in_one_answer_is_recalled_in_the_next_and_its_readers_see_that(
    program: Conversant, reader: Conversant, agent: Person, ada: Person, room: str
) -> None:
    memories = await asked(program, ada, room, "I come from Käsdorf")
    noted = await agent.post(memories, {"text": "comes from Käsdorf", "keywords": ["home"]})
    again = await agent.post(memories, {"text": "comes from Käsdorf"})
    await program.rpc("answer.finish", answer_id="a1", text="I see")

    memories = await asked(program, ada, room, "where is my home?", "a2")
    recalled = await agent.get(memories)
    shown = await reader.hear("answer.memories")

    assert (noted.status, again.body) == (201, noted.body)
    assert (noted.body["about"], noted.body["timeline_id"], noted.body["agent_id"]) == (ada.id, room, agent.id)
    assert recalled.body == {"items": [noted.body], "next": None}
    assert (shown["answer_id"], shown["memories"]) == ("a2", [{"id": noted.body["id"], "about": ada.id}])


async def test_it_is_forgotten_by_the_agent_when_the_person_asks_and_by_nobody_elses_asking(
    program: Conversant, agent: Person, ada: Person, bob: Person, room: str
) -> None:
    await bob.post(f"/rooms/{room}/join")
    of_ada = await asked(program, ada, room, answer_id="a1")
    of_bob = await asked(program, bob, room, answer_id="a2")
    noted = (await agent.post(of_ada, {"text": "likes tea"})).body["id"]

    not_bobs = await agent.delete(f"{of_bob}/{noted}")
    seen_by_bob = await agent.get(of_bob)
    forgotten = await agent.delete(f"{of_ada}/{noted}")
    again = await agent.delete(f"{of_ada}/{noted}")

    assert (not_bobs.status, seen_by_bob.body["items"]) == (404, [])
    assert (forgotten.status, again.status) == (204, 404)
    assert (await ada.get("/me/memories")).body["items"] == []


async def test_what_was_learned_elsewhere_is_used_in_private_only(
    program: Conversant, agent: Person, ada: Person, room: str
) -> None:
    await agent.post(await asked(program, ada, room), {"text": "likes tea"})
    other = await ada.room("Elsewhere")
    await ada.put(f"/rooms/{other}/agents/{agent.id}")
    private = (await ada.post("/conversations", {"kind": "private", "participants": ["outside"]})).body["id"]

    program.channel = f"room:{other}"
    elsewhere = await agent.get(await asked(program, ada, other))
    program.channel = f"conversation:{private}"
    question = (await ada.post(f"/conversations/{private}/messages", {"text": "and here?"})).body["id"]
    await program.rpc("answer.start", question=question, answer_id="a1")
    between_us = await agent.get(f"/conversations/{private}/answers/a1/memories")

    assert elsewhere.body["items"] == []
    assert [each["text"] for each in between_us.body["items"]] == ["likes tea"]


async def test_there_are_no_memories_but_for_who_gives_the_answer_and_while_it_lasts(
    program: Conversant, agent: Person, ada: Person, root: Person, room: str
) -> None:
    memories = await asked(program, ada, room)
    noted = (await agent.post(memories, {"text": "likes tea"})).body["id"]
    own_page = f"/agents/{agent.id}/memories"

    by_others = [
        *[await each.get(memories) for each in (ada, root)],
        *[await each.post(memories, {"text": "likes gin"}) for each in (ada, root)],
        *[await each.delete(f"{memories}/{noted}") for each in (ada, root)],
    ]
    beside_its_answers = [await agent.get(own_page), await agent.get(f"{own_page}/{noted}")]
    await program.rpc("answer.finish", answer_id="a1", text="I see")
    over = [await agent.get(memories), await agent.post(memories, {"text": "likes gin"})]

    assert [each.status for each in (*by_others, *over)] == [404] * 8
    assert (beside_its_answers[0].body["items"], beside_its_answers[1].status) == ([], 404)


async def test_an_answer_to_nobody_has_nobody_to_remember(program: Conversant, agent: Person, room: str) -> None:
    await program.rpc("answer.start", answer_id="a1")

    refused = await agent.post(f"/rooms/{room}/answers/a1/memories", {"text": "likes tea"})

    assert (refused.status, refused.code) == (409, "conflict")


async def test_a_program_shows_which_tools_it_uses(program: Conversant, reader: Conversant) -> None:
    answer_id = (await program.rpc("answer.start"))["answer_id"]

    shown = await program.rpc("answer.tool", answer_id=answer_id, name="search", state="started")
    unknown = await program.rpc("answer.tool", answer_id="another", name="search", state="started")
    malformed = await program.rpc("answer.tool", answer_id=answer_id, name="no name", state="started")

    assert await reader.hear("answer.tool") == {
        "type": "answer.tool",
        "answer_id": answer_id,
        "name": "search",
        "state": "started",
    }
    assert (shown, unknown["message"], malformed["message"]) == ({}, "not_found", "bad request")
