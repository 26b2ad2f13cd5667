"""The archivist: who said what, and when, how many, who is here, and what it was about; in English and German."""

import pytest

from engine.domain.agents import NewAgent, Policy
from engine.domain.fields import ParticipantKind
from engine.domain.messages import Message
from engine.domain.people import Principal
from engine.engine import Engine
from tests.engine.agents.scripted import Calendar, quiet
from tests.engine.timelines.acting import Interposed, Place, a_place, person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def konrad(storage: Interposed) -> Principal:
    return await person(storage, "Konrad")


@pytest.fixture
async def workshop(engine: Engine, ada: Principal, konrad: Principal, calendar: Calendar) -> Place:
    """A room in which things were said yesterday and today, with the archivist in it."""
    place = await a_place(engine, ada, konrad, name="Werkstatt")
    new = NewAgent(
        name="archivist",
        persona="",
        model="archivist",
        room_policy=Policy.MENTION,
        conversation_policy=Policy.ALWAYS,
    )
    made = await engine.agents.create(ada, new)
    await engine.agents.join_room(ada, place.id, made.id)
    await place.post(konrad, "Die Z1 klemmt wieder einmal, im Rechenwerk.", language="de")
    await place.post(ada, "I brought apples and a nanosecond of wire.")
    calendar.tear_off()
    await place.post(konrad, "Die Z1 läuft, das Rechenwerk rechnet.", language="de")
    await place.post(ada, "Apples are better than planning.")
    return place


@pytest.fixture
async def ask(workshop: Place, ada: Principal) -> "Ask":
    return Ask(workshop, ada)


class Ask:
    """Asks the archivist, and waits for its answer."""

    def __init__(self, place: Place, by: Principal) -> None:
        self.place = place
        self.by = by

    async def __call__(self, text: str, language: str | None = None) -> Message:
        await self.place.post(self.by, f"@archivist {text}", language=language)
        await quiet(5)
        (newest,) = (await self.place.page(self.by, limit=1)).items
        assert newest.author.kind is ParticipantKind.AGENT, f"nothing was answered to {text}"
        return newest


async def test_it_says_who_said_what_and_when(ask: Ask) -> None:
    answer = await ask("what did konrad say about the Z1?")

    assert answer.text.splitlines() == [
        "Konrad said about “z1” (2 messages):",
        "- **Konrad**, today, 00:00 UTC: “Die Z1 läuft, das Rechenwerk rechnet.”",
        "- **Konrad**, yesterday, 00:00 UTC: “Die Z1 klemmt wieder einmal, im Rechenwerk.”",
    ]
    assert answer.language == "en"


async def test_it_answers_a_german_question_in_german(ask: Ask) -> None:
    answer = await ask("was hat Konrad gestern über die Z1 gesagt?")

    assert answer.text.splitlines() == [
        "Von Konrad habe ich zu „z1“ gestern 1 Nachricht gefunden:",
        "- **Konrad**, gestern, 00:00 UTC: „Die Z1 klemmt wieder einmal, im Rechenwerk.“",
    ]
    assert answer.language == "de"


async def test_it_answers_others_in_english_and_says_so_to_the_translators(ask: Ask) -> None:
    answer = await ask("nanosecond ?", language="fr")

    assert answer.text.startswith("This was said about “nanosecond” (1 message):")
    assert answer.language == "en"


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("who mentioned apples?", ["by: Ada (2)", "nanosecond of wire", "better than planning"]),
        ("wer hat das Rechenwerk erwähnt?", ["von: Konrad (2)", "klemmt", "läuft"]),
        ("when did Ada talk about wire", ["Ada said", "yesterday, 00:00 UTC", "nanosecond"]),
        ("wann hat Ada über wire gesprochen", ["Von Ada", "gestern, 00:00 UTC"]),
        ("what did I miss today?", ["2 messages today", "Konrad (1)", "läuft", "better"]),
        ("fasse zusammen, was gestern passiert ist", ["2 Nachrichten gestern", "klemmt", "nanosecond"]),
        ("summarize the last 3 days", ["4 messages since", "Ada (2)", "Konrad (2)"]),
        ("how many messages did konrad write?", ["2 messages by Konrad."]),
        ("wie viele Nachrichten hat Konrad heute geschrieben?", ["1 Nachricht von Konrad heute."]),
        ("how many messages were there on 2030-01-01", ["2 messages on 2030-01-01."]),
        ("who is here?", ["3 are members here: Ada, Konrad, archivist."]),
        ("wer ist hier?", ["Hier sind 3 Mitglieder: Ada, Konrad, archivist."]),
        ("what did ada say about submarines?", ["nothing here by Ada about “submarines”"]),
        ("Rechenwerk nanosecond", ["klemmt", "nanosecond of wire"]),
        ("help", ["for example"]),
        ("", ["for example"]),
        ("what did konrad say", ["Konrad said (2 messages)", "klemmt"]),
    ],
)
async def test_it_understands_questions(ask: Ask, question: str, parts: list[str]) -> None:
    answer = await ask(question)

    assert [part for part in parts if part not in answer.text] == [], answer.text


async def test_it_quotes_neither_questions_nor_itself_nor_what_was_deleted(
    ask: Ask, workshop: Place, ada: Principal
) -> None:
    await workshop.delete(ada, (await workshop.post(ada, "apples apples apples")).message)
    await ask("what about apples?")

    answer = await ask("what about apples?")

    assert answer.text.count("- **") == 2
    assert "@archivist" not in answer.text


async def test_it_costs_no_tokens(ask: Ask, state: object) -> None:
    await ask("who is here?")
    await quiet(1)

    assert [(spent.answers, spent.tokens) for spent in state.agent_usage.values()] == [(1, 0)]  # type: ignore[attr-defined]
