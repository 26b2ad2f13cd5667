"""What agents were given to read, over HTTP: who may give it, what comes of a file, and what is refused."""

import io
from typing import Any

import aiohttp
import pytest

from engine.domain.documents import LARGEST
from tests.gateway.test_agents import NOWHERE, define
from tests.support.pdfs import pdf
from tests.support.rest import Answer, Caller, Person

pytestmark = pytest.mark.anyio

GUIDE = "# Tee\n\nGrüner Tee braucht Wasser von 80 Grad.\n"


@pytest.fixture
async def agent(root: Person) -> str:
    return str((await define(root))["id"])


async def upload(
    person: Caller,
    agent: str,
    data: bytes | str = GUIDE,
    *,
    filename: str | None = "tee.md",
    media_type: str = "application/octet-stream",
    field: str = "file",
) -> Answer:
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    content = io.BytesIO(data.encode() if isinstance(data, str) else data)
    form.add_field(field, content, filename=filename, content_type=media_type)
    return await send(person, agent, form)


async def send(person: Caller, agent: str, form: object, **headers: str) -> Answer:
    sent = {"Authorization": f"Bearer {person.token}", **headers}
    path = f"/api/v1/agents/{agent}/documents"
    async with person.client.post(path, data=form, headers=sent) as response:
        return Answer(response.status, await response.json(content_type=None), response.headers)


async def test_a_file_is_given_to_an_agent_and_found(agent: str, root: Person) -> None:
    path = f"/agents/{agent}/documents"

    made = await upload(root, agent)

    assert made.status == 201, made.body
    document = made.body
    assert {**document, "id": "", "created_at": ""} == {
        "id": "",
        "agent_id": agent,
        "name": "tee.md",
        "media_type": "text/markdown",
        "bytes": len(GUIDE.encode()),
        "characters": len(GUIDE.strip()),
        "chunks": 1,
        "created_at": "",
    }
    assert (await root.get(f"{path}/{document['id']}")).body == document
    assert (await root.get(path)).body == {"items": [document], "next": None}
    found = (await root.get(f"{path}/search?q=Wie viel GRAD braucht Tee?")).body
    chunk = {"document_id": document["id"], "name": "tee.md", "position": 0, "text": GUIDE.strip()}
    assert found == {"items": [chunk], "next": None}
    assert (await root.get(f"{path}/search?q=Milch")).body == {"items": [], "next": None}

    assert (await root.delete(f"{path}/{document['id']}")).status == 204
    assert (await root.delete(f"{path}/{document['id']}")).status == 404
    assert (await root.get(f"{path}/{document['id']}")).status == 404
    assert (await root.get(path)).body == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("filename", "media_type", "seen"),
    [
        ("a.txt", "application/octet-stream", "text/plain"),
        ("A.MARKDOWN", "text/plain", "text/markdown"),
        ("notes", "text/plain; charset=utf-8", "text/plain"),
        ("notes", "text/x-markdown", "text/markdown"),
    ],
)
async def test_the_ending_of_its_name_says_what_a_file_is_or_its_media_type(
    filename: str, media_type: str, seen: str, agent: str, root: Person
) -> None:
    made = await upload(root, agent, "tea", filename=filename, media_type=media_type, field="document")

    assert (made.status, made.body["media_type"], made.body["name"]) == (201, seen, filename)


async def test_a_pdf_is_read_and_folders_are_no_part_of_its_name(agent: str, root: Person) -> None:
    made = await upload(root, agent, pdf("Green tea takes 80 degrees"), filename="C:\\tea\\guide.pdf")

    found = (await root.get(f"/agents/{agent}/documents/search?q=degrees")).body["items"]

    assert (made.status, made.body["media_type"], made.body["name"]) == (201, "application/pdf", "guide.pdf")
    assert [each["text"] for each in found] == ["Green tea takes 80 degrees"]


async def test_lists_are_paged_from_the_newest_on(agent: str, root: Person) -> None:
    for number in range(3):
        await upload(root, agent, "tea", filename=f"{number}.txt")

    first = (await root.get(f"/agents/{agent}/documents?limit=2")).body
    rest = (await root.get(f"/agents/{agent}/documents?limit=2&after={first['next']}")).body

    assert [each["name"] for each in (*first["items"], *rest["items"])] == ["2.txt", "1.txt", "0.txt"]
    assert rest["next"] is None


async def test_documents_are_for_administrators(agent: str, ada: Person, anyone: Caller, root: Person) -> None:
    document = (await upload(root, agent)).body["id"]
    path = f"/agents/{agent}/documents"

    assert (await upload(ada, agent)).code == "forbidden"
    for each in (path, f"{path}/{document}", f"{path}/search?q=tea"):
        assert (await ada.get(each)).code == "forbidden"
        assert (await anyone.get(each)).code == "unauthenticated"
    assert (await ada.delete(f"{path}/{document}")).code == "forbidden"
    assert (await root.get(f"{path}/{document}")).status == 200


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"filename": "a.docx"}, "neither text nor Markdown nor PDF"),
        ({"filename": "a"}, "neither text nor Markdown nor PDF"),
        ({"filename": ".md"}, "neither text nor Markdown nor PDF"),
        ({"filename": "x" * 300 + ".md"}, "its name has 303 characters"),
        ({"data": b"\xff\xfeno"[2:] + b"\xff"}, "is not encoded in UTF-8"),
        ({"data": b"", "filename": "a.txt"}, "has no text in it"),
        ({"data": b"%PDF-1.7 no", "filename": "a.pdf"}, "is no PDF that can be read"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    given: dict[str, Any], why: str, agent: str, root: Person
) -> None:
    answer = await upload(root, agent, **given)

    assert (answer.status, answer.code, answer.paths) == (422, "invalid_request", ["file"])
    assert why in answer.body["detail"]
    assert (await root.get(f"/agents/{agent}/documents")).body["items"] == []


async def test_a_file_that_is_too_large_is_refused(agent: str, root: Person) -> None:
    assert (await upload(root, agent, b"x" * (LARGEST + 1), filename="a.txt")).code == "payload_too_large"


async def test_a_body_that_is_no_form_with_one_file_is_refused(agent: str, root: Person) -> None:
    two = aiohttp.FormData(default_to_multipart=True)
    for name in ("a.txt", "b.txt"):
        two.add_field("file", "tea", filename=name)
    field = aiohttp.FormData(default_to_multipart=True)
    field.add_field("title", "tea")
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
    encoded = head + b"Content-Transfer-Encoding: base64\r\n\r\ndGVh\r\n--x--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=x"}

    for status, answer in (
        (422, await send(root, agent, two)),
        (422, await send(root, agent, field)),
        (422, await send(root, agent, encoded, **form)),
        (422, await send(root, agent, b"--x--\r\n", **form)),
        (400, await send(root, agent, b"hello", **form)),
        (400, await send(root, agent, head + b"\r\ntea", **form)),
        (400, await send(root, agent, b"hello", **{"Content-Type": "multipart/form-data"})),
        (400, await send(root, agent, b"{}", **{"Content-Type": "application/json"})),
    ):
        assert (answer.status, answer.code) == (status, "invalid_request"), answer.body

    assert (await root.get(f"/agents/{agent}/documents")).body["items"] == []


async def test_an_agent_that_there_is_not_is_given_nothing(root: Person) -> None:
    assert (await upload(root, NOWHERE)).code == "not_found"
    assert (await root.get(f"/agents/{NOWHERE}/documents")).code == "not_found"
    assert (await root.get(f"/agents/{NOWHERE}/documents/search?q=tea")).code == "not_found"
