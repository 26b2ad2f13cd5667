from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.translation.markdown import Kept, Span, parse, rendered, walk, with_words
from tests.engine.translation.written import messages


def kept(text: str, *keep: str) -> list[str]:
    return [node.text for line in parse(text, keep) for node in walk(line.body) if isinstance(node, Kept)]


def words(text: str) -> list[str]:
    return [node for line in parse(text) for node in walk(line.body) if isinstance(node, str)]


@given(st.text())
@example("\x00\n\r\n\u2028 `")
@example("![[a](b)](c) **_~~x~~_**")
@example("> ```\n> a")
def test_every_text_can_be_taken_apart_and_put_together(text: str):
    assert rendered(parse(text)) == text


@given(messages())
def test_a_message_with_markdown_in_it_as_well(text: str):
    assert rendered(parse(text)) == text


@given(messages())
def test_changing_the_words_changes_nothing_that_is_kept(text: str):
    document = parse(text)

    changed = [with_words(line.body, str.swapcase) for line in document]

    before = [node for line in document for node in walk(line.body) if isinstance(node, Kept)]
    assert [node for node in chain.from_iterable(map(walk, changed)) if isinstance(node, Kept)] == before


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("hi @ada, and @room.", ["@ada", "@room"]),
        ("mail a.b+c@example.org now", ["a.b+c@example.org"]),
        ("see https://a.org/x?y=(1)&z=2, please", ["https://a.org/x?y=(1)&z=2"]),
        ("(look: www.example.org!) ok", ["www.example.org"]),
        ("look <https://a.org> there", ["<https://a.org>"]),
        ("run `make test` or ``a ` b`` first", ["`make test`", "``a ` b``"]),
        ("well ```x\ny``` done", ["```x\ny```"]),
        ("so 👩‍👩‍👧 and 🇩🇪 and 1️⃣ go", ["👩‍👩‍👧", "🇩🇪", "1️⃣"]),
        ("oh :smile: well, at 10:30:15 sharp", [":smile:"]),
        ("not \\*bold\\* here", ["\\*", "\\*"]),
        ("one | two | three", [" | ", " | "]),
        ("a <b>c</b> d", ["<b>", "</b>"]),
    ],
)
def test_things_are_kept(text: str, things: list[str]):
    assert kept(text) == things


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("**bold** and *it* and ~~gone~~ here", [("**", "**"), ("*", "*"), ("~~", "~~")]),
        ("**bold *both* bold**", [("**", "**"), ("*", "*")]),
        ('see [the page](https://a.org/b_(c) "t") now', [("[", '](https://a.org/b_(c) "t")')]),
        ("see ![a cat](cat.png) now", [("![", "](cat.png)")]),
        ("snake_case_name and 2 * 3 * 4 are plain", []),
    ],
)
def test_markup_is_around_its_words(text: str, spans: list[tuple[str, str]]):
    found = [node for line in parse(text) for node in walk(line.body) if isinstance(node, Span)]

    assert [(span.opening, span.closing) for span in found] == spans


@pytest.mark.parametrize(
    "prefix", ["# ", "### ", "- ", "* ", "12. ", "3) ", "> ", "> > ", "- [ ] ", "  - [x] ", "\t", "> - ", "[note]: "]
)
def test_what_makes_a_line_a_heading_an_item_or_a_quote_stays_outside_of_it(prefix: str):
    (line,) = parse(f"{prefix}some words")

    assert (line.before, line.body) == (prefix, ("some words",))


def test_emoji_at_the_ends_of_a_line_are_left_out_of_the_sentence():
    (line,) = parse("🙂 :wave: good morning 🎉")

    assert line == ("🙂 :wave: ", ("good morning",), " 🎉")


@pytest.mark.parametrize(
    "text", ["", "   ", "🙂🙂", "12:30", "https://a.org", "@ada", "`code`", "---", "!?", "```\nx = 1\n```", "|---|---|"]
)
def test_a_text_without_words_has_nothing_to_translate(text: str):
    assert words(text) == []


def test_a_fence_that_is_not_closed_is_code_to_the_end():
    assert words("look\n```py\nx = one\n\nand more") == ["look"]


def test_phrases_that_are_to_be_kept_are_kept_as_whole_words():
    assert kept("@Ada Lovelace and Ada Lovelaces, @Ada", "Ada Lovelace", "Ada") == ["@Ada Lovelace", "Ada", "@Ada"]
