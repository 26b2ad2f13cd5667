"""What an agent outside was given to read: while it gives an answer, and by nobody else's asking."""

import pytest

from tests.gateway.test_answers import Conversant, agent, program, room
from tests.gateway.test_documents import GUIDE, upload
from tests.support.rest import Person

__all__ = ["agent", "program", "room"]

pytestmark = pytest.mark.anyio


async def test_an_agent_is_given_what_bears_on_the_question_for_as_long_as_it_answers(
    agent: Person, program: Conversant, ada: Person, root: Person, room: str
) -> None:
    await upload(root, agent.id)
    question = await ada.say(room, "outside, wie viel Grad?")
    await program.rpc("answer.start", question=question["id"], answer_id="a1")
    path = f"/rooms/{room}/answers/a1/documents"

    found = await agent.get(path)
    not_hers = await ada.get(path)
    await program.rpc("answer.finish", answer_id="a1", text="80")
    over = await agent.get(path)

    assert [(each["name"], each["text"]) for each in found.body["items"]] == [("tee.md", GUIDE.strip())]
    assert (not_hers.status, over.status) == (404, 404)
