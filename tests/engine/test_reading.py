"""Files that people bring: what is read in them, and what is refused."""

import sys
from contextlib import suppress
from typing import Any

import psutil  # type: ignore[import-untyped] # its stubs are a package of their own
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.documents import CHUNK, LONGEST, DocumentType, Part
from engine.reading import Unreadable, read_file, reader
from engine.reading.texts import cut, text_of
from tests.support.pdfs import pdf, protected

pytestmark = pytest.mark.anyio

GUIDE = """\
# Tea

Green tea takes water of 80 degrees.

## Black tea

Black tea takes boiling water.
"""


def read(data: bytes, media_type: DocumentType = DocumentType.TEXT) -> str:
    return text_of(data, media_type, LONGEST)


def refused(data: bytes, media_type: DocumentType) -> str:
    with pytest.raises(Unreadable) as refusal:
        read(data, media_type)
    return str(refusal.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
async def test_text_is_read_in_unicode(encoding: str) -> None:
    assert read("Grüner Tee\r\nお茶\t\x07🍵\r".encode(encoding)) == "Grüner Tee\nお茶\t🍵"


async def test_pages_of_a_pdf_are_read_one_after_the_other() -> None:
    assert read(pdf("Green tea\n80 degrees", "Black tea"), DocumentType.PDF) == "Green tea\n80 degrees\n\nBlack tea"


@pytest.mark.parametrize(
    ("data", "media_type", "reason"),
    [
        (b"Gr\xfcn", DocumentType.TEXT, "is not encoded in UTF-8"),
        (b"a\x00b", DocumentType.MARKDOWN, "U+0000"),
        (b"", DocumentType.TEXT, "has no text in it"),
        (b" \n\t", DocumentType.MARKDOWN, "has no text in it"),
        (b"x" * (LONGEST + 1), DocumentType.TEXT, "has more than 500,000 characters"),
        (b"hello", DocumentType.PDF, "is no PDF"),
        (pdf("Green tea")[:200], DocumentType.PDF, "is no PDF"),
        (pdf(""), DocumentType.PDF, "has no text in it"),
        (protected(pdf("secret"), "sesame"), DocumentType.PDF, "is protected by a password"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(
    data: bytes, media_type: DocumentType, reason: str
) -> None:
    assert reason in refused(data, media_type)


async def test_a_pdf_without_a_password_to_read_it_is_read() -> None:
    assert read(protected(pdf("for all"), ""), DocumentType.PDF) == "for all"


@given(st.binary(max_size=400), st.sampled_from(DocumentType))
def test_whatever_comes_is_read_or_refused(data: bytes, media_type: DocumentType) -> None:
    try:
        text = read(data, media_type)
    except Unreadable:
        return
    assert text
    text.encode()


@given(st.integers(0, 900), st.binary(min_size=1, max_size=8))
def test_a_damaged_pdf_is_read_or_refused(place: int, damage: bytes) -> None:
    whole = pdf("Green tea", "Black tea")
    with_damage = whole[:place] + damage + whole[place + len(damage) :]
    with suppress(Unreadable):
        assert read(with_damage, DocumentType.PDF)


async def test_markdown_is_cut_by_its_sections() -> None:
    assert cut(GUIDE, DocumentType.MARKDOWN, 60) == [
        "# Tea\n\nGreen tea takes water of 80 degrees.",
        "## Black tea\n\nBlack tea takes boiling water.",
    ]


@given(st.text(max_size=300), st.sampled_from(DocumentType), st.integers(5, 50))
def test_chunks_hold_the_whole_text_in_order_and_none_is_too_long(
    text: str, media_type: DocumentType, size: int
) -> None:
    chunks = cut(text, media_type, size)

    assert all(1 <= len(chunk) <= size for chunk in chunks)
    assert "".join("".join(chunks).split()) == "".join(text.split())


async def test_a_file_is_read_by_a_process_of_its_own() -> None:
    long = "\n\n".join(f"Paragraph {number}. " + "Tea is a drink. " * 20 for number in range(20))

    parts = await read_file(long.encode(), DocumentType.TEXT)

    assert [part.text for part in parts] == cut(long.strip(), DocumentType.TEXT, CHUNK)
    assert len(parts) > 5
    assert await read_file(pdf("Green TEA"), DocumentType.PDF) == [Part("Green TEA", "green tea")]
    with pytest.raises(Unreadable, match="is no PDF"):
        await read_file(b"hello", DocumentType.PDF)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import sys; sys.exit(1)", "damaged"),
        ("import os; os.kill(os.getpid(), 9)", "damaged"),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 29,) * 2); bytearray(1 << 30)", "damaged"),
    ],
)
async def test_a_file_that_ends_its_process_is_refused(program: str, reason: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", program))

    with pytest.raises(Unreadable, match=reason):
        await read_file(b"tea " * 100_000, DocumentType.TEXT)


async def test_a_file_that_takes_for_ever_is_refused_and_its_process_ended(monkeypatch: Any, tmp_path: Any) -> None:
    alive = tmp_path / "pid"
    program = f"import os, sys, time; open({str(alive)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    monkeypatch.setattr(reader, "COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(reader, "TIME", 1.0)

    with pytest.raises(Unreadable, match="takes longer than 1 seconds"):
        await read_file(b"tea", DocumentType.TEXT)

    has_begun = alive.exists()  # not always, on a busy machine
    assert not has_begun or not psutil.pid_exists(int(alive.read_text()))
