"""Where the words of a query are in a text: for showing them, and for storages that have no index."""

from collections.abc import Iterable, Iterator, Sequence

from engine.domain.search import Snippet
from engine.search.query import Query, Term
from engine.search.words import Word, words

_AROUND = 60
"""Characters shown on either side of a match."""
_SNIPPETS = 3
_STEM = 3
"""Letters that two forms of a word share at least."""
_ENDING = 4
"""Letters by which two forms of a word differ at most, at their ends."""


def matches(query: Query, text: str) -> bool:
    """Whether a text has what is wanted and nothing of what is not."""
    found = list(words(text))
    return all(any(_places(term, found)) for term in query.wanted) and not any(
        any(_places(term, found)) for term in query.unwanted
    )


def highlight(query: Query, text: str) -> tuple[int, list[Snippet]]:
    """How many of the wanted terms stand in a text as they were typed (the others are there in another form), and where.

    These are at most three parts of the text around what is wanted; its beginning when nothing can be pointed at.
    """
    found = list(words(text))
    exact = {term: list(_places(term, found)) for term in query.wanted}
    spans = [span for term, places in exact.items() for span in places or _related_places(term, found)]
    return sum(map(bool, exact.values())), _snippets(text, list(_merged(sorted(spans))))


def _snippets(text: str, spans: Sequence[tuple[int, int]]) -> list[Snippet]:
    if not spans:
        return [Snippet(text[: 2 * _AROUND], [])]
    shown: list[tuple[int, int, list[tuple[int, int]]]] = []
    for start, end in spans:
        if shown and start - _AROUND <= shown[-1][1]:
            first, _, inside = shown[-1]
            shown[-1] = (first, min(len(text), end + _AROUND), [*inside, (start, end)])
        else:
            shown.append((_word_start(text, start), min(len(text), end + _AROUND), [(start, end)]))
    return [
        Snippet(text[first:last], [(start - first, end - first) for start, end in inside])
        for first, last, inside in shown[:_SNIPPETS]
    ]


def _related_places(term: Term, found: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where words of a term may stand in another form, which only the database knows for certain."""
    for word in term.words:
        yield from ((each.start, each.end) for each in found if not each.unspaced and _related(word, each.text))


def _places(term: Term, found: Sequence[Word]) -> Iterator[tuple[int, int]]:
    size = len(term.words)
    for index in range(len(found) - size + 1):
        part = found[index : index + size]
        if all(word == each.text for word, each in zip(term.words[:-1], part, strict=False)):
            last, wanted = part[-1], term.words[-1]
            if last.text == wanted:
                yield part[0].start, last.end
            elif term.prefix and last.text.startswith(wanted):
                yield part[0].start, last.start + 1 if last.unspaced else last.end


def _related(word: str, other: str) -> bool:
    shared = 0
    for one, two in zip(word, other, strict=False):
        if one != two:
            break
        shared += 1
    return shared >= _STEM and max(len(word), len(other)) - shared <= _ENDING and 2 * shared >= len(other)


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Overlapping spans as one. `spans` are sorted."""
    present: tuple[int, int] | None = None
    for start, end in spans:
        if present is None:
            present = (start, end)
        elif start < present[1]:
            present = (present[0], max(present[1], end))
        else:
            yield present
            present = (start, end)
    if present is not None:
        yield present


def _word_start(text: str, match: int) -> int:
    """Where a snippet begins: not within a word, if there is a space near."""
    start = max(0, match - _AROUND)
    if start == 0:
        return 0
    space = text.find(" ", start, match)
    return space + 1 if space >= 0 else start
