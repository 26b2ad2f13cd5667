"""What agents were given to read, in a storage: what is found, by which words, and what goes with what."""

from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.domain.agents import AgentDefinition
from engine.domain.documents import Chunk, Document, DocumentId, DocumentType, Part
from engine.domain.fields import ParticipantId
from engine.search.words import folded, words
from engine.storage.repositories import ChunkKey, Storage
from engine.storage.sql import SqlStorage
from engine.storage.sql.documents import AT_A_TIME
from tests.storage.conftest import Connect
from tests.storage.made import NOON, at, new_id
from tests.storage.test_agents import added

pytestmark = pytest.mark.anyio

MANY = 1000
TEA = (Part("tea", "tea"),)
LONG = [f"word{number} tea" for number in range(2 * AT_A_TIME + 1)]
"""The chunks of a document that takes more than one transaction, the last of them hardly begun."""


@pytest.fixture
async def ann(storage: Storage) -> AgentDefinition:
    return await added(storage)


def a_document(agent: AgentDefinition, name: str = "tea.md", **fields: Any) -> Document:
    values: dict[str, Any] = {
        "media_type": DocumentType.MARKDOWN,
        "bytes": 10,
        "characters": 9,
        "chunks": 1,
        "created_at": NOON,
    } | fields
    return Document(id=DocumentId(new_id()), agent_id=agent.id, name=name, **values)


def parts(*texts: str) -> list[Part]:
    return [Part(text, folded(text)) for text in texts]


async def kept(storage: Storage, agent: AgentDefinition, *texts: str, **fields: Any) -> Document:
    document = a_document(agent, chunks=len(texts), **fields)
    assert await storage.documents.add(document, parts(*texts), most=MANY) is None
    return document


async def having(storage: Storage, agent: AgentDefinition, question: str, most: int = MANY) -> dict[str, list[int]]:
    """In which chunks the words of a question are, by their indexes."""
    asked = [word.text for word in words(question)]
    found = await storage.documents.having(agent.id, asked, most=most)
    return {word: sorted(key.position for key in keys) for word, keys in found.items()}


async def test_a_document_is_found_as_it_was_added(storage: Storage, ann: AgentDefinition) -> None:
    bo = await added(storage, "Bo")
    first = await kept(storage, ann, "one", "two", name="Über Tee.pdf", media_type=DocumentType.PDF, created_at=at(1))
    second = await kept(storage, ann, *LONG)
    other = await kept(storage, bo, "three")

    assert await storage.documents.get(ann.id, first.id) == first
    assert await storage.documents.get(bo.id, first.id) is None
    assert await storage.documents.get(ann.id, DocumentId("no\x00thing")) is None
    assert await storage.documents.page(ann.id, limit=10) == [second, first]
    assert await storage.documents.page(ann.id, limit=1) == [second]
    assert await storage.documents.page(ann.id, after=second.id, limit=10) == [first]
    assert await storage.documents.page(bo.id, limit=10) == [other]
    assert await storage.documents.informed() == {ann.id: 2 + len(LONG), bo.id: 1}


async def test_chunks_are_read_in_the_order_asked_for(storage: Storage, ann: AgentDefinition) -> None:
    tea = await kept(storage, ann, "green", "black")
    coffee = await kept(storage, ann, "brown", name="coffee.txt")
    foreign = await kept(storage, await added(storage, "Bo"), "white")
    keys = [ChunkKey(tea.id, 1), ChunkKey(foreign.id, 0), ChunkKey(coffee.id, 0), ChunkKey(tea.id, 0)]

    found = await storage.documents.chunks(ann.id, [*keys, ChunkKey(tea.id, 2)])

    assert found == [
        Chunk(document_id=tea.id, name="tea.md", position=1, text="black"),
        Chunk(document_id=coffee.id, name="coffee.txt", position=0, text="brown"),
        Chunk(document_id=tea.id, name="tea.md", position=0, text="green"),
    ]
    assert await storage.documents.chunks(ann.id, []) == []


async def test_words_are_found_whatever_their_case_and_script(storage: Storage, ann: AgentDefinition) -> None:
    await kept(storage, ann, "Grüner TEE, heiß", "東京都のお茶", "the tea isn't 'hot'")
    await kept(storage, await added(storage, "Bo"), "tee")

    assert await having(storage, ann, "gruner tee HEISS milk") == {"gruner": [0], "tee": [0], "heiss": [0]}
    assert [1] in (await having(storage, ann, "京都")).values()
    assert await having(storage, ann, "'isn't' \"hot\"") == {"isn": [2], "t": [2], "hot": [2]}
    assert await having(storage, ann, "") == {}
    assert await storage.documents.having(ann.id, ["no\x00thing"], most=MANY) == {}


async def test_a_word_that_is_in_too_many_chunks_is_left_out(storage: Storage, ann: AgentDefinition) -> None:
    await kept(storage, ann, "tea one", "tea two", "tea three")

    assert await having(storage, ann, "tea two", most=2) == {"two": [1]}
    assert await having(storage, ann, "tea two", most=3) == {"tea": [0, 1, 2], "two": [1]}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(st.text("aäß東京 .'\"*-", min_size=1, max_size=12), min_size=1, max_size=5))
async def test_each_word_of_a_chunk_finds_it(texts: list[str], storage: Storage) -> None:
    agent = await added(storage, new_id())
    await kept(storage, agent, *texts)

    for index, text in enumerate(texts):
        found = await having(storage, agent, text)
        assert all(index in found[word.text] for word in words(text))


async def test_what_is_removed_is_not_found_any_more(storage: Storage, ann: AgentDefinition) -> None:
    gone, left = await kept(storage, ann, *LONG), await kept(storage, ann, "tea")

    assert await storage.documents.remove((await added(storage, "Bo")).id, gone.id) is False
    assert await storage.documents.remove(ann.id, gone.id) is True
    assert await storage.documents.remove(ann.id, gone.id) is False

    assert await storage.documents.page(ann.id, limit=10) == [left]
    assert await having(storage, ann, "tea word1") == {"tea": [0]}
    assert await storage.documents.informed() == {ann.id: 1}
    assert await storage.documents.chunks(ann.id, [ChunkKey(gone.id, 0)]) == []


async def test_an_agent_has_only_so_many_and_none_after_it_has_gone(storage: Storage, ann: AgentDefinition) -> None:
    assert await storage.documents.add(a_document(ann), TEA, most=1) is None
    assert await storage.documents.add(a_document(ann), TEA, most=1) == "full"

    await storage.agents.retire(ann.id)
    assert await storage.documents.add(a_document(ann), TEA, most=MANY) == "gone"
    assert await storage.documents.add(a_document(await added(storage, "Bo")), TEA, most=MANY) is None
    await storage.documents.remove_all(ann.id)

    assert await storage.documents.page(ann.id, limit=10) == []
    assert await having(storage, ann, "tea") == {}
    assert len(await storage.documents.informed()) == 1


async def test_documents_go_with_their_agent(storage: Storage, ann: AgentDefinition) -> None:
    await kept(storage, ann, *LONG)

    await storage.agents.retire(ann.id)
    await storage.agents.erase(ann.id)

    assert await storage.documents.informed() == {}
    assert await having(storage, ann, "tea") == {}


async def test_no_more_than_the_limit_are_stored_at_once(
    connect: Connect, storage: Storage, ann: AgentDefinition
) -> None:
    outcomes: list[str | None] = []

    async def add(where: Storage) -> None:
        outcomes.append(await where.documents.add(a_document(ann), TEA, most=2))

    async with connect() as other, anyio.create_task_group() as adding:
        for number in range(6):
            adding.start_soon(add, (storage, other)[number % 2])

    assert sorted(map(str, outcomes)) == ["None", "None", "full", "full", "full", "full"]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_document_counts_when_all_of_it_is_there(storage: SqlStorage, ann: AgentDefinition) -> None:
    document = a_document(ann, chunks=len(LONG))
    visits: list[int] = []
    extend = storage.documents._extend

    async def interrupted(document_id: DocumentId, rows: list[dict[str, Any]]) -> bool:
        assert await storage.documents.page(ann.id, limit=10) == []
        visits.append(len(rows))
        if len(visits) == 2:
            raise ConnectionError
        return await extend(document_id, rows)

    storage.documents._extend = interrupted  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await storage.documents.add(document, parts(*LONG), most=1)

    assert await storage.documents.get(ann.id, document.id) is None
    assert await having(storage, ann, "tea") == {}
    assert await storage.documents.informed() == {}
    assert await storage.documents.remove(ann.id, document.id) is False
    await storage.documents.sweep(before=NOON)
    assert await storage.documents.add(a_document(ann), TEA, most=1) == "full"
    await storage.documents.sweep(before=at(1))
    assert await storage.documents.add(a_document(ann), TEA, most=1) is None
    assert visits == [AT_A_TIME, AT_A_TIME, 1]


async def test_what_has_ids_that_no_database_takes_is_not_there(storage: Storage) -> None:
    nobody = ParticipantId("no\x00body")

    assert await storage.documents.get(nobody, DocumentId("x")) is None
    assert await storage.documents.remove(nobody, DocumentId("x")) is False
