"""What the words of a text are, what a query means, and what is shown of a match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from engine.search.highlights import highlight, matches
from engine.search.query import Query, Term, parse
from engine.search.words import fold, indexed, words


@pytest.mark.parametrize(
    ("word", "folded"),
    [("Straße", "strasse"), ("CAFÉ", "cafe"), ("ﬁ", "fi"), ("Ёлка", "елка"), ("İ", "i"), ("\uff21\uff11", "a1")],
)
def test_words_are_compared_without_case_and_diacritics(word: str, folded: str) -> None:
    assert fold(word) == folded


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing_more(word: str) -> None:
    assert fold(fold(word)) == fold(word)


@given(st.text(max_size=60))
def test_every_word_stands_where_it_says_and_in_order(text: str) -> None:
    found = list(words(text))

    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert [word.start for word in found] == sorted(word.start for word in found)


def test_texts_without_spaces_are_pairs_and_a_last_character() -> None:
    pairs = [("東京都"[word.start : word.end]) for word in words("東京都")]

    assert pairs == ["東京", "京都", "都"]
    assert indexed("東京") == "zz06771" + "04eac zz04eac"


def test_characters_that_stand_for_several_are_the_words_of_these() -> None:
    assert indexed("⒈ ⒈5⒈a") == "1 1 51 a"
    assert [word.text for word in words("⒈5")] == ["1", "5"]
    assert indexed("é \u0301 e") == "e e"


def test_ascii_is_left_to_the_database() -> None:
    assert indexed("Plain text, 3.14") is None


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        ("Apple pie apple", Query((Term(("apple",)), Term(("pie",))))),
        ('"apple pie"', Query((Term(("apple", "pie")),))),
        ('-pie apple -"a b"', Query((Term(("apple",)),), (Term(("pie",)), Term(("a", "b"))))),
        ("app*", Query((Term(("app",), prefix=True),))),
        ("e-mail", Query((Term(("e", "mail")),))),
        ('say "open', Query((Term(("say",)), Term(("open",))))),
    ],
)
def test_what_is_typed_becomes_terms(typed: str, query: Query) -> None:
    assert parse(typed) == query


@pytest.mark.parametrize("typed", ["", "  ", "...", '""', "-word", "*", "x" * 257, "a\x00", "a\ud800", "🎉"])
def test_what_cannot_be_looked_for_is_refused_by_name(typed: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(typed)

    assert [error.path for error in refused.value.errors] == ["q"]


def test_a_word_in_another_form_is_shown_but_ranks_behind() -> None:
    query = parse("running")

    exact, [marked] = highlight(query, "I was running")
    other, [related] = highlight(query, "we run home")

    assert (exact, marked.ranges) == (1, [(6, 13)])
    assert (other, related.ranges) == (0, [(3, 6)])


def test_a_long_text_is_shown_in_parts_around_its_matches() -> None:
    text = "apple " + "filler " * 100 + "<b>apple</b> " + "filler " * 100

    _, parts = highlight(parse("apple"), text)

    assert len(parts) == 2
    assert all(len(part.text) < 200 for part in parts)
    assert [part.text[start:end] for part in parts for start, end in part.ranges] == ["apple", "apple"]


@given(st.text(max_size=80), st.text(min_size=1, max_size=20))
def test_ranges_lie_within_their_snippet_and_do_not_overlap(text: str, typed: str) -> None:
    try:
        query = parse(typed)
    except InvalidRequest:
        return
    _, parts = highlight(query, text)

    for part in parts:
        edges = [edge for span in part.ranges for edge in span]
        assert part.text in text
        assert edges == sorted(edges)
        assert all(start < end <= len(part.text) for start, end in part.ranges)


@given(st.lists(st.sampled_from(["ab", "cd", "東京", "é"]), min_size=1, max_size=6))
def test_a_text_matches_its_own_words_and_not_their_exclusion(parts: list[str]) -> None:
    text = " ".join(parts)

    assert matches(parse(text), text)
    assert not matches(parse(f"{text} -{parts[0]}"), text)


_TERMS = st.builds(
    Term, st.lists(st.sampled_from(["a", "ab", "abc", "b"]), min_size=1, max_size=3).map(tuple), st.booleans()
)


@given(st.lists(_TERMS, min_size=1, max_size=2), st.lists(_TERMS, min_size=1, max_size=2))
def test_a_query_is_impossible_when_all_that_has_what_is_wanted_has_what_is_not(
    wanted: list[Term], unwanted: list[Term]
) -> None:
    query = Query(tuple(wanted), tuple(unwanted))
    least = " x ".join(" ".join(term.words) + "x" * term.prefix for term in wanted)

    assert matches(query, least) is not query.impossible


@given(st.text(max_size=40) | st.text(alphabet="東京ｶﾞあ\uff41가 e\u0301ก็", max_size=20))
def test_the_indexed_words_are_those_of_the_text(text: str) -> None:
    assert indexed(text) == (None if text.isascii() else " ".join(word.text for word in words(text)))
