r"""A message taken apart into what may be translated and what has to stay as it is.

    document = parse("## Hi @ada\nsee **the `code`** 🙂")

A document is lines. Of each, `before` and `after` stay (a heading's `## `, a bullet, emoji at the ends, the line break), and `body` is
words, kept things between them (a mention, a link, code, an emoji), and spans of words with markup around them, which move with their
words. `rendered(parse(text)) == text` for every text.

This is no renderer of Markdown. Where it takes something for markup that is none, a few characters more are kept, and that is all.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

PHRASE: Final = "phrase"
"""The kind of what the caller wants to be kept."""


class Kept(NamedTuple):
    """Something that stays as it is. `kind` is `PHRASE` or the name of one of the patterns below."""

    text: str
    kind: str


class Span(NamedTuple):
    """Nodes within markup: `**` and `**`, or `[` and `](https://example.org)`."""

    opening: str
    body: "tuple[Node, ...]"
    closing: str


Node: TypeAlias = str | Kept | Span


class Line(NamedTuple):
    """One line with its end. Without words, all of it is in `before`."""

    before: str
    body: tuple[Node, ...] = ()
    after: str = ""


Document: TypeAlias = tuple[Line, ...]

_EMOJI: Final = (
    r"(?:[\U0001F1E6-\U0001F1FF]{2}"  # flags
    r"|[0-9#*]\ufe0f?\u20e3"  # keycaps
    r"|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299]\ufe0f"
    r"|[\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001F000-\U0001FAFF]"
    r"[\ufe0e\ufe0f\U0001F3FB-\U0001F3FF\U000E0020-\U000E007F]*"
    r"(?:\u200d[\u2190-\u2bff\U0001F000-\U0001FAFF][\ufe0f\U0001F3FB-\U0001F3FF]*)*)+"
)
_ADDRESS: Final = r"[^\s<>`\x00-\x1f|]+(?<![.,;:!?'\"*_~)\]}\u3001\u3002\uff0c\uff01\uff1f\uff09\u300d\u300f])"
_ATOMS: Final = (
    ("fence", r"^[ ]{0,3}(?P<ticks>```+|~~~+)[^`\n]*\n[\s\S]*?(?:^[ ]{0,3}(?P=ticks)[`~]*[ \t]*$|\Z)"),
    ("code", r"(?<!`)(?P<tick>`+)(?!`)[\s\S]*?(?<!`)(?P=tick)(?!`)"),
    ("escape", r"\\[!-/:-@\[-`{-~]"),
    ("tail", r"\]\((?:[^\s()]|\([^\s()]*\))*(?:[ ]+\"[^\"\n]*\")?\)"),
    ("markup", r"<(?:https?://|mailto:|/?[A-Za-z])[^<>\n]*>"),
    ("link", r"(?:https?://|ftp://|www\.)" + _ADDRESS + r"|mailto:" + _ADDRESS),
    ("email", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("mention", r"(?<![\w@.+/-])@\w[\w.-]*(?<![.-])"),
    ("shortcode", r"(?<![\w:]):[a-z0-9_+-]{2,40}:(?![\w:])"),
    ("emoji", _EMOJI),
    ("cell", r"\|+"),
    ("control", r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+"),
)
_APART: Final = frozenset({"emoji", "shortcode", "cell", "fence"})
"""What is no part of a sentence: at either end of a line it is left out of what is translated."""
_WITHIN_WORDS: Final = r"(?!(?<=[a-z])[a-egi-ln-vx-z])"
"""Nothing of that begins between two small letters, unless the second begins an address: most of a text is passed over so."""
_FIND: Final = re.compile(
    _WITHIN_WORDS + "(?:" + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _ATOMS) + ")", re.MULTILINE
)

_PREFIX: Final = re.compile(
    r"[ \t]*(?:>[ \t]*)*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)?(?:#{1,6}[ \t]+)?(?:\[[^\]\n]+\]:[ \t]+)?"
)
_KEPT_MASK: Final = "\x00"
_TAIL_MASK: Final = "\x01"
_SPAN: Final = re.compile(
    r"(?P<link>!?\[)(?P<label>[^\[\]\x01]{1,1000}?)(?P<tail>\x01+)"
    r"|(?P<mark>\*{1,3}(?!\*)|(?<![\w_])_{1,3}(?!_)|~~(?!~))(?=\S)(?P<inner>.{1,1000}?)(?<=[^\s\\])(?P=mark)(?![*~]|(?<=_)\w)",
    re.DOTALL,
)
_DEEPEST: Final = 6
"""How deep spans are looked for within spans."""


class _Atom(NamedTuple):
    start: int
    end: int
    kind: str


def parse(text: str, keep: tuple[str, ...] = ()) -> Document:
    """Take a text apart. `keep`: phrases that stay as they are wherever they stand."""
    atoms = list(_atoms(text, keep))
    masked = list(text)
    for start, end, kind in atoms:
        masked[start:end] = (_TAIL_MASK if kind == "tail" else _KEPT_MASK) * (end - start)
    parser = _Parser(text, "".join(masked), atoms)
    return tuple(parser.lines())


def rendered(document: Document) -> str:
    """The text of a document."""
    return "".join(line.before + render(line.body) + line.after for line in document)


def render(nodes: tuple[Node, ...]) -> str:
    """The text of some nodes."""
    return "".join(_render(node) for node in nodes)


def _render(node: Node) -> str:
    match node:
        case Kept(text=text):
            return text
        case Span():
            return node.opening + render(node.body) + node.closing
        case _:
            return node


def with_words(nodes: tuple[Node, ...], change: Callable[[str], str]) -> tuple[Node, ...]:
    """The nodes with their words changed, and nothing else."""

    def changed(node: Node) -> Node:
        match node:
            case Kept():
                return node
            case Span():
                return node._replace(body=with_words(node.body, change))
            case _:
                return change(node)

    return tuple(changed(node) for node in nodes)


def walk(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """The nodes and those within them, in the order of the text."""
    for node in nodes:
        yield node
        if isinstance(node, Span):
            yield from walk(node.body)


def has_words(nodes: tuple[Node, ...]) -> bool:
    """Whether there is anything to translate: a letter of any script outside of what is kept."""
    return any(type(node) is str and any(map(str.isalpha, node)) for node in walk(nodes))


def _atoms(text: str, keep: tuple[str, ...]) -> Iterator[_Atom]:
    find = _FIND
    phrases = sorted({phrase for phrase in keep if phrase.strip()}, key=len, reverse=True)
    if phrases:
        either = "|".join(map(re.escape, phrases))
        find = re.compile(rf"(?P<{PHRASE}>@?(?<!\w)(?:{either})(?!\w))|{_FIND.pattern}", re.MULTILINE)
    for match in find.finditer(text):
        kind = match.lastgroup or ""
        yield _Atom(match.start(), match.end(), kind)


class _Parser:
    def __init__(self, text: str, masked: str, atoms: list[_Atom]) -> None:
        self._text = text
        self._masked = masked
        self._atoms = atoms
        self._starts = {atom.start: atom for atom in atoms}

    def lines(self) -> Iterator[Line]:
        start = 0
        while start < len(self._text):
            # A line break within code is masked, and ends no line.
            end = self._masked.find("\n", start) + 1 or len(self._text)
            yield self._line(start, end)
            start = end

    def _line(self, start: int, end: int) -> Line:
        prefix = _PREFIX.match(self._masked, start, end)
        nodes = self._nodes(prefix.end() if prefix else start, end, 0)
        if not has_words(nodes):
            return Line(self._text[start:end])
        before, nodes = _peel(list(nodes), first=True)
        after, nodes = _peel(list(nodes), first=False)
        return Line(self._text[start : prefix.end() if prefix else start] + before, nodes, after)

    def _nodes(self, start: int, end: int, depth: int) -> tuple[Node, ...]:
        nodes: list[Node] = []
        for match in _SPAN.finditer(self._masked, start, end) if depth < _DEEPEST else ():
            nodes += self._leaves(start, match.start())
            if match["link"]:
                inner, closing = match.span("label"), match.span("tail")
            else:
                inner, closing = match.span("inner"), (match.end("inner"), match.end())
            body = self._nodes(*inner, depth + 1)
            nodes.append(Span(self._text[match.start() : inner[0]], body, self._text[slice(*closing)]))
            start = match.end()
        return (*nodes, *self._leaves(start, end))

    def _leaves(self, start: int, end: int) -> Iterator[Node]:
        while start < end:
            if (atom := self._starts.get(start)) is not None:
                yield Kept(self._text[atom.start : atom.end], atom.kind)
                start = atom.end
                continue
            stop = start
            while stop < end and stop not in self._starts:
                stop += 1
            yield self._text[start:stop]
            start = stop


def _peel(nodes: list[Node], *, first: bool) -> tuple[str, tuple[Node, ...]]:
    """Take what stands apart from the sentence, and white space, off one end of a line."""
    peeled = ""
    index = 0 if first else -1
    while nodes:
        node = nodes[index]
        match node:
            case Kept(text=taken, kind=kind) if kind in _APART:
                nodes.pop(index)
            case str():
                words = node.lstrip() if first else node.rstrip()
                taken = node[: len(node) - len(words)] if first else node[len(words) :]
                if words:
                    nodes[index] = words
                else:
                    nodes.pop(index)
            case _:
                break
        peeled = peeled + taken if first else taken + peeled
        if isinstance(node, str) and node != taken:
            break
    return peeled, tuple(nodes)
