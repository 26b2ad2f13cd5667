"""Documents as text with a few XML tags, which translators move about with the words, and back again.

    document = parse("Hi @ada, see **the `code`**")
    encode(document)        # 'Hi <x i="1">@ada</x>, see <e i="2">the <x i="3">`code`</x></e>'
    decode(document, 'Hallo <x i="1">@ada</x>, siehe <e i="2">den <x i="3">`code`</x></e>')     # 'Hallo @ada, siehe **den `code`**'

`x` is something kept, `e` a span, `l` a line where there are several. What is kept comes back from the document, by its number, never from
what the translator wrote. `decode` repairs what it can: doubled things are left out, what has gone from an end of its line is put back
there, and a mention that was glued to a word gets its space. In the end the text is parsed and compared with the original: the same
things kept, each as often, the same spans, the same lines. Anything else is `Damaged`.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from engine.translation.markdown import PHRASE, Document, Kept, Line, Node, Span, parse, walk

KEPT: Final = "x"
SPAN: Final = "e"
LINE: Final = "l"

_SHOWN: Final = 40
"""Characters of a kept thing that a translator is shown, so that the sentence around it can be understood."""
_TAG: Final = re.compile(
    r"<\s*(?P<end>/?)\s*(?P<name>[xel])(?:\s+i\s*=\s*[\"'\u201c\u201d]?(?P<number>\d{1,6})[\"'\u201c\u201d]?)?\s*(?P<empty>/?)\s*>"
)
_ENTITY: Final = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_NAMED: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_LAST_CHARACTER: Final = 0x10FFFF
_BREAKS: Final = re.compile(r"[^\S\n]*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]+")
_MARKER: Final = re.compile(r"(\d{0,9})(?:[.)]|(?<!\d)[-+*>#])")
_UNCOMPARED: Final = frozenset({"escape", "cell", "control"})
_OPENS: Final = " \t([{\u00ab\u201e\u201c\u2018\u00bf\u00a1\"'*_~"
_CLOSES: Final = " \t.,;:!?)]}\u00bb\u201d\u2019\u2026\"'*_~"


_SENT: Final = re.compile(rf'<{KEPT} i="(\d+)">([^<>]*)</{KEPT}>')
"""Something kept, as `encode` writes it."""
_APART_BY_SPACES: Final = frozenset({"code", "email", "link", "mention"})
"""Kinds of kept things of which each, between spaces, is what it was among any words."""
_MORE_THAN_WORDS: Final = re.compile(
    r"[^\w ,.!?;'()\u00a0\u00a1\u00ab\u00bb\u00bf\u2013\u2014\u2018-\u201e\u2026\u202f\u3001\u3002\uff01\uff0c\uff1f-]"
    r"|[_\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]|www\."
)
"""What may be markup, or something to be kept, or is not what a translator meant: none of it is in most texts."""


class Damaged(Exception):
    """What came back cannot be made into a text that has everything of the original in it, once."""


class _Element(NamedTuple):
    name: str
    number: int
    children: "list[_Element | str]"


def encode(document: Document) -> str:
    """The words of a document with tags for the rest; "" when there are no words."""
    numbers = count(1)
    lines = [line for line in document if line.body]
    if len(lines) == 1:
        return _encoded(lines[0].body, numbers)
    return "\n".join(f'<{LINE} i="{next(numbers)}">{_encoded(line.body, numbers)}</{LINE}>' for line in lines)


def decode(document: Document, encoded: str) -> str:
    """The text of a document with the words that came back. Raises `Damaged`."""
    if (text := _plain(document, encoded)) is not None:
        return text
    root = _tree(encoded)
    wanted = _skeleton(document)
    nodes = (node for line in document for node in walk(line.body))
    keep = tuple(node.text for node in nodes if isinstance(node, Kept) and node.kind == PHRASE)
    for spaced in (False, True):
        text = "".join(_lines(document, root, spaced=spaced))
        if _skeleton(parse(text, keep)) == wanted:
            return text
    raise Damaged("something that was kept is not there any more, or something else is")


# -- there ---------------------------------------------------------------------------------------------------------------


def _encoded(nodes: tuple[Node, ...], numbers: Iterator[int]) -> str:
    parts = []
    for node in nodes:
        match node:
            case Kept(text=text, kind=kind):
                parts.append(f'<{KEPT} i="{next(numbers)}">{_shown(text, kind)}</{KEPT}>')
            case Span(body=body):
                parts.append(f'<{SPAN} i="{next(numbers)}">{_encoded(body, numbers)}</{SPAN}>')
            case _:
                parts.append(_escaped(node))
    return "".join(parts)


def _shown(text: str, kind: str) -> str:
    return "" if kind == "control" or len(text) > _SHOWN else _escaped(text)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# -- and back ------------------------------------------------------------------------------------------------------------


def _plain(document: Document, encoded: str) -> str | None:
    """The same as what follows, in a part of its time, for what nearly every message is; None for any other.

    That is one line of words, and of things kept between spaces, each of which came back once, as it went.
    """
    if len(document) != 1:
        return None
    line = document[0]
    things = [node for node in line.body if not isinstance(node, str)]
    kept = [
        node for node in things if isinstance(node, Kept) and node.kind in _APART_BY_SPACES and "\n" not in node.text
    ]
    if len(kept) < len(things):
        return None
    parts = _SENT.split(encoded)
    words, numbers, shown = parts[::3], parts[1::3], parts[2::3]
    sent = {str(number): _shown(*node) for number, node in enumerate(kept, 1)}
    if len(numbers) != len(sent) or dict(zip(numbers, shown, strict=True)) != sent:
        return None
    if any(map(_MORE_THAN_WORDS.search, words)) or not any(map(str.isalpha, "".join(words))):
        return None
    text = words[0]
    for number, following in zip(numbers, words[1:], strict=True):
        if text[-1:] not in {"", " "} or following[:1] not in {"", " "}:
            return None
        text += kept[int(number) - 1].text + following
    if text != text.strip() or not (words[0] == "" or words[0][0].isalpha()):
        return None
    return line.before + text + line.after


def _tree(encoded: str) -> _Element:
    """The elements of what came back. Tags that do not fit together are passed over; what is missing will be missed."""
    stack = [_Element("", 0, [])]
    position = 0
    tags = list(_TAG.finditer(encoded))
    for index, tag in enumerate(tags):
        if tag.start() < position:  # the end of a kept thing, taken together with its beginning
            continue
        stack[-1].children.append(_words(encoded[position : tag.start()]))
        position = tag.end()
        name = tag["name"]
        if tag["end"]:
            if any(element.name == name for element in stack):
                while stack.pop().name != name:
                    pass
            continue
        element = _Element(name, int(tag["number"] or 0), [])
        stack[-1].children.append(element)
        if name == KEPT:
            follows = tags[index + 1] if index + 1 < len(tags) else None
            if not tag["empty"] and follows is not None and follows["name"] == KEPT and follows["end"]:
                element.children.append(_words(encoded[position : follows.start()]))
                position = follows.end()
        elif not tag["empty"]:
            stack.append(element)
    stack[-1].children.append(_words(encoded[position:]))
    return stack[0]


def _words(text: str) -> str:
    """What a translator wrote between tags: entities are characters, and no character ends a line or controls anything."""
    return _CONTROLS.sub("", _BREAKS.sub(" ", _ENTITY.sub(_character, text)))


def _character(entity: re.Match[str]) -> str:
    named, decimal, hexadecimal = entity.groups()
    if named:
        return _NAMED[named]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if code <= _LAST_CHARACTER else entity[0]


def _lines(document: Document, root: _Element, *, spaced: bool) -> Iterator[str]:
    numbers = count(1)
    several = sum(bool(line.body) for line in document) > 1
    elements = _line_elements(root) if several else {}
    for line in document:
        if not line.body:
            yield line.before
            continue
        content = elements.pop(next(numbers), None) if several else root
        if content is None:
            raise Damaged("a line is missing")
        body = _Assembly(line, numbers).text(content, spaced=spaced)
        yield line.before + _not_as_markup(line, body) + line.after
    if elements:
        raise Damaged("there is a line too many")


def _line_elements(root: _Element) -> dict[int, _Element]:
    elements: dict[int, _Element] = {}
    for child in root.children:
        if isinstance(child, _Element) and child.name == LINE and child.number not in elements:
            elements[child.number] = child
        elif not isinstance(child, str) or child.strip():
            raise Damaged("there is something beside the lines")
    return elements


def _not_as_markup(line: Line, body: str) -> str:
    """Words that would begin a list or a heading where the original has none: `2. Mai`."""
    marker = _MARKER.match(body)
    if marker is None or next(iter(parse(line.before + body)), line).before == line.before:
        return body
    return f"{marker[1]}\\{body[marker.end(1) :]}"


class _Piece(NamedTuple):
    text: str
    left: bool = False
    """Whether nothing may be glued to it on its left side, if need be."""
    right: bool = False

    @property
    def is_words(self) -> bool:
        """Whether it is the translator's, and neither kept nor markup."""
        return not (self.left or self.right)


class _Assembly:
    """Puts one line together. `numbers` goes on as `encode` has counted."""

    def __init__(self, line: Line, numbers: Iterator[int]) -> None:
        self._line = line
        self._nodes = {next(numbers): node for node in walk(line.body) if not isinstance(node, str)}
        self._used: set[int] = set()

    def text(self, content: _Element, *, spaced: bool) -> str:
        """The line's words, with everything that belongs among them."""
        pieces = self._pieces(content.children)
        words = "".join(piece.text for piece in pieces)
        for node in (node for number, node in self._nodes.items() if number not in self._used):
            if not isinstance(node, Kept):
                raise Damaged("a span is missing")
            if node.text in words:
                continue  # the tags have gone, and what was in them has not
            if node is self._line.body[0]:
                pieces[:0] = [_Piece(node.text, left=True, right=True), _Piece(" ")]
            elif node is self._line.body[-1]:
                pieces += [_Piece(" "), _Piece(node.text, left=True, right=True)]
            else:
                raise Damaged("something that was kept is missing")
        return _joined(_trimmed(pieces)[1], spaced=spaced)

    def _pieces(self, children: "list[_Element | str]") -> list[_Piece]:
        pieces: list[_Piece] = []
        for child in children:
            if isinstance(child, str):
                pieces.append(_Piece(child))
            else:
                pieces += self._element(child)
        return pieces

    def _element(self, element: _Element) -> list[_Piece]:
        node = self._nodes.get(element.number)
        first = element.number not in self._used
        match node:
            case Kept() if first and element.name == KEPT:
                self._used.add(element.number)
                return [_Piece(node.text, left=True, right=True), _Piece(_beside(node.text, element.children))]
            case Span() if first and element.name == SPAN:
                self._used.add(element.number)
                return _spanned(node, self._pieces(element.children))
        # One that is here already, or never was: its words remain, and what was kept does not come twice.
        return [] if element.name == KEPT else self._pieces(element.children)


def _beside(kept: str, children: "list[_Element | str]") -> str:
    """Words that a translator has put into the tags of something kept."""
    words = "".join(child for child in children if isinstance(child, str))
    _, found, rest = words.partition(kept)
    return rest if found else ""


def _spanned(span: Span, pieces: list[_Piece]) -> list[_Piece]:
    """The pieces in their markup, with white space at their ends outside of it: `** words **` is none."""
    before, pieces, after = _trimmed(pieces)
    if not pieces:
        raise Damaged("a span is empty")
    return [
        _Piece(before),
        _Piece(span.opening, left=True),
        *pieces,
        _Piece(span.closing, right=True),
        _Piece(after),
    ]


def _trimmed(pieces: list[_Piece]) -> tuple[str, list[_Piece], str]:
    """The pieces without the white space that words begin and end with, and what is to stand there in its place."""
    before = after = ""
    pieces = list(pieces)
    while pieces and pieces[0].is_words:
        words = pieces[0].text.lstrip()
        before = " " if words != pieces[0].text else before
        pieces[:1] = [_Piece(words)] if words else []
        if words:
            break
    while pieces and pieces[-1].is_words:
        words = pieces[-1].text.rstrip()
        after = " " if words != pieces[-1].text else after
        pieces[-1:] = [_Piece(words)] if words else []
        if words:
            break
    return before, pieces, after


def _joined(pieces: list[_Piece], *, spaced: bool) -> str:
    text, glued = "", False
    for piece in pieces:
        if not piece.text:
            continue
        if spaced and text:
            stuck = piece.left and text[-1] not in _OPENS
            if stuck or (glued and piece.text[0] not in _CLOSES):
                text += " "
        text += piece.text
        glued = piece.right
    return text


def _skeleton(document: Document) -> tuple[Counter[tuple[str, ...]], int]:
    """What must be the same in every language: what is kept and the spans, each as often, and the number of lines."""
    things: Counter[tuple[str, ...]] = Counter()
    for node in (node for line in document for node in walk(line.body)):
        if isinstance(node, Span):
            things[node.opening, node.closing] += 1
        elif isinstance(node, Kept) and node.kind not in _UNCOMPARED:
            things[node.kind, node.text] += 1
    return things, len(document)
