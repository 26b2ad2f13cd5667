import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.terminal.text import clean, one_line, styled


def test_brackets_that_look_like_markup_are_shown_as_they_are():
    assert styled("[red]x[/red] [link=http://evil]y").plain == "[red]x[/red] [link=http://evil]y"


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[2J\x1b]0;title\x07gone", "[2J]0;titlegone"),
        ("\x9b31mred", "31mred"),
        ("a\u202eevil\u2066b", "aevilb"),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("half \ud800 a character", "half  a character"),
        ("z" + "\u0301" * 500, "z" + "\u0301" * 4),
        ("\ta", "    a"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(hostile: str, harmless: str):
    assert clean(hostile) == harmless


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_can_be_written_and_holds_no_control_characters(text: str):
    cleaned = clean(text)

    assert cleaned.encode().decode() == cleaned
    assert not [each for each in cleaned if each != "\n" and (ord(each) < 32 or 127 <= ord(each) < 160)]
    assert clean(cleaned) == cleaned


@given(st.text(alphabet="`*_~>#-[]() ab\n@h.", max_size=200))
def test_any_text_can_be_styled(text: str):
    assert styled(text).plain is not None


def test_markdown_becomes_styles():
    text = styled("**bold** *it* `co*de*` snake_case_name https://a.example/b_c_d. @ada")

    assert text.plain == "bold it co*de* snake_case_name https://a.example/b_c_d. @ada"
    assert {str(span.style): text.plain[span.start : span.end] for span in text.spans if span.style != "bold"} == {
        "italic": "it",
        "bold cyan": "co*de*",
        "underline": "https://a.example/b_c_d",
    }


def test_a_code_block_is_left_as_it_is():
    assert styled("```\n**not bold**\n```\n**bold**").plain == "```\n**not bold**\n```\nbold"


@pytest.mark.parametrize("long", ["*" * 4000, "_a" * 2000, "`" * 4000, "**a " * 1000, "http://" * 500])
def test_no_text_takes_long(long: str):
    start = time.perf_counter()

    styled(long)

    assert time.perf_counter() - start < 1


def test_a_name_stays_on_one_line():
    assert one_line("  Ada\n\x1b[31m  Lovelace ") == "Ada [31m Lovelace"
