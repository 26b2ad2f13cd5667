"""Files to text, and text to parts."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import Final

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from engine.domain.documents import CHUNK, LONGEST, DocumentType, Part
from engine.reading.reader import Unreadable
from engine.search.words import folded

_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What text has no use for, and databases do not take; tabs and ends of lines are left."""


def parts_of(data: bytes, media_type: DocumentType) -> list[Part]:
    """The text of a file in parts, with their words. Raises `Unreadable`."""
    return [Part(each, folded(each)) for each in cut(text_of(data, media_type, LONGEST), media_type, CHUNK)]


def text_of(data: bytes, media_type: DocumentType, longest: int) -> str:
    """The text of a file, at most `longest` characters. Raises `Unreadable`."""
    pages = _pages(data) if media_type is DocumentType.PDF else iter((_decoded(data),))
    parts: list[str] = []
    length = 0
    for page in pages:
        parts.append(_UNPRINTABLE.sub("", page.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")).strip())
        length += len(parts[-1])
        if length > longest:
            raise Unreadable(f"has more than {longest:,} characters")
    text = "\n\n".join(part for part in parts if part)
    if not text:
        raise Unreadable("has no text in it; what is a picture of text has to be recognised (OCR) first")
    return text


def cut(text: str, media_type: DocumentType, size: int) -> list[str]:
    """A text in parts of at most `size` characters: between sections where that is possible, then paragraphs, sentences, words.

    See https://github.com/benbrandt/text-splitter; Markdown is cut by its structure.
    """
    splitter = MarkdownSplitter(size) if media_type is DocumentType.MARKDOWN else TextSplitter(size)
    return splitter.chunks(text)


def _decoded(data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("is not encoded in UTF-8") from None
    if "\x00" in text:
        raise Unreadable("is not text, for it has the character U+0000 in it")
    return text


def _pages(data: bytes) -> Iterator[str]:
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("is protected by a password")
        for page in reader.pages:
            yield page.extract_text()
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("takes too much memory to read") from None
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OSError) as error:
        # What is wrong in a file meets the library anywhere, and not all of it is an error of its own.
        raise Unreadable(f"is no PDF that can be read ({type(error).__name__})") from None
