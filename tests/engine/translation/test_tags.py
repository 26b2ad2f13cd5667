"""The laws of protection: whatever a translator does, a text that comes out has everything in it that was to be kept, once."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.translation import tags
from engine.translation.markdown import Kept, Span, parse, walk
from engine.translation.tags import Damaged, decode, encode
from tests.engine.translation.written import messages

UNCOMPARED = {"escape", "cell", "control"}


def things(text: str) -> Counter[str]:
    """What must be the same in every language."""
    nodes = [node for line in parse(text) for node in walk(line.body)]
    spans = [f"{node.opening} {node.closing}" for node in nodes if isinstance(node, Span)]
    return Counter(spans + [node.text for node in nodes if isinstance(node, Kept) and node.kind not in UNCOMPARED])


def translated(encoded: str) -> str:
    """A translator that minds the tags: every word backwards."""
    parts = re.split(r"(<x [^>]*>.*?</x>|<[^>]*>|&\w+;)", encoded, flags=re.DOTALL)
    return "".join(
        part if number % 2 else re.sub(r"[^\W\d_]+", lambda word: word[0][::-1], part)
        for number, part in enumerate(parts)
    )


@given(messages())
@example("****good** _good_** | ****good****")
@example("**\rgood** morning\r")
def test_what_comes_back_as_it_went_is_the_text(text: str):
    document = parse(text)

    assert decode(document, encode(document)) == text


@given(st.text())
@example("\x00a\x01b")
@example("a\u2028b &lt; c")
@example("A\x1b\r")
def test_of_any_text_at_all_the_words_come_back(text: str):
    document = parse(text)

    back = decode(document, encode(document))

    assert list(filter(str.isalnum, back)) == list(filter(str.isalnum, text))


@given(messages())
def test_a_translator_that_minds_the_tags_loses_nothing(text: str):
    document = parse(text)

    back = decode(document, translated(encode(document)))

    assert things(back) == things(text)
    assert [line.before for line in parse(back)] == [line.before for line in document]


TRAPS = (
    *("", "1.", "2)", "-", "#", ".", "①", "Ⓐ", "🙂", "www.x", "a_b", "_b_", "*b*"),
    *("&amp;", "|", ":wave:", "x:", "<b>", "@bob", "\u00a0", "\n", "`c`", "don't", "«Oh»", "日本,"),
)


@pytest.mark.parametrize(
    "text",
    [
        *("hello", " hello you ", "- hello", "@ada hello", "hi, ada@example.org"),
        *("hello `a b` you", "see ```a\nb``` there", "@ada `a b`, yes", "https://example.org/a says @ada"),
        *("one **two** three", "hello 🙂 you", "hello\nyou", "🙂hello🙂", "> ## 1. hello :wave:", ":wave: hello"),
        *("|hello @ada|", "[a]: hello\n", "\thello \n", "\r hello \r"),
    ],
)
def test_the_short_way_is_a_short_way_and_nothing_else(text: str, monkeypatch: pytest.MonkeyPatch):
    document = parse(text)
    kept = re.findall(r"<x [^>]*>.*?</x>", encode(document), flags=re.DOTALL)
    orders = [each for trap in TRAPS for each in permutations([*kept, trap, "hello"])]
    answers = [
        encode(document),
        *kept,
        " ".join([*kept, *kept, "hello"]),
        *(gap.join(order) for order in orders for gap in (" ", "")),
    ]

    def decoded() -> Iterator[str | None]:
        for answer in answers:
            try:
                yield decode(document, answer)
            except Damaged:
                yield None

    short = list(decoded())
    monkeypatch.setattr(tags, "_plain", lambda *_: None)

    assert short == list(decoded())


def drop(before: str, _tag: str, after: str, _: Random) -> str:
    return before + after


def double(before: str, tag: str, after: str, _: Random) -> str:
    return before + tag + tag + after


def repeat(before: str, tag: str, after: str, _: Random) -> str:
    return before + tag + before + tag + after


def unclose(before: str, tag: str, after: str, _: Random) -> str:
    return before + tag + after.replace("</x>", "", 1)


def garble(before: str, tag: str, after: str, random: Random) -> str:
    return before + tag.replace('"', random.choice(["", "“", "'", "  "])).upper() + after


def insert(before: str, tag: str, after: str, random: Random) -> str:
    return before + random.choice(["@room ", "\n# ", "```", "[a](b) ", "🙂", "**x** ", '<x i="1"/>']) + tag + after


def renumber(before: str, tag: str, after: str, random: Random) -> str:
    return before + re.sub(r"\d+", str(random.randrange(9)), tag) + after


def merge(before: str, tag: str, after: str, _: Random) -> str:
    return re.sub(r"</l>\s*<l i=\"\d+\">", " ", before + tag + after, count=1)


def unescape(before: str, tag: str, after: str, _: Random) -> str:
    return before + tag + after.replace("&lt;", "<").replace("&amp;", "&")


def move(before: str, tag: str, after: str, random: Random) -> str:
    rest = before + after
    place = random.randrange(len(rest) + 1)
    return rest[:place] + tag + rest[place:]


DAMAGES = (drop, double, repeat, unclose, garble, insert, renumber, merge, unescape, move)


def damaged(encoded: str, random: Random) -> str:
    """What a careless translator makes of it."""
    tags = [match.span() for match in re.finditer(r"<(/?)([xel])(?: i=\"(\d+)\")?>", encoded)]
    start, end = random.choice(tags or [(0, 0)])
    return random.choice(DAMAGES)(encoded[:start], encoded[start:end], encoded[end:], random)


@given(messages(), st.randoms(use_true_random=False), st.integers(1, 3))
@settings(max_examples=400)
def test_whatever_a_translator_breaks_is_repaired_or_rejected(text: str, random: Random, times: int):
    document = parse(text)
    encoded = translated(encode(document))
    for _ in range(times):
        encoded = damaged(encoded, random)

    try:
        back = decode(document, encoded)
    except Damaged:
        return

    assert things(back) == things(text)
    assert len(parse(back)) == len(document)


@given(messages(), st.text())
def test_what_has_nothing_to_do_with_the_text_is_rejected_or_keeps_everything(text: str, answer: str):
    document = parse(text)

    try:
        back = decode(document, answer)
    except Damaged:
        return

    assert things(back) == things(text)


ADA = "Hi @ada, see https://a.org now"


@pytest.mark.parametrize(
    ("text", "answer", "back"),
    [
        # words may change places, and what is kept with them
        (ADA, 'Jetzt <x i="2">https://a.org</x> ansehen, <x i="1">@ada</x>', "Jetzt https://a.org ansehen, @ada"),
        # doubled
        (ADA, 'A <x i="1">@ada</x> <x i="1">@ada</x> B <x i="2">u</x>', "A @ada  B https://a.org"),
        # glued to words of a script without spaces
        (ADA, '<x i="1">@ada</x>さん<x i="2"/>を見て', "@ada さん https://a.org を見て"),
        # the tags have gone, what was in them has not
        (ADA, "Hallo @ada, siehe https://a.org jetzt", "Hallo @ada, siehe https://a.org jetzt"),
        # what was kept was translated all the same
        ("run `make` now", 'starte <x i="1">`machen`</x> jetzt', "starte `make` jetzt"),
        # gone from an end
        ("@ada is late", "ist spät", "@ada ist spät"),
        ("this is for @ada", "das ist für", "das ist für @ada"),
        # white space within markup would end it
        ("**bold** move", '<e i="1"> fett </e>er Zug', "**fett** er Zug"),
        # a span in two pieces is one and some words
        ("**a b** c", '<e i="1">A</e> c <e i="1">B</e>', "**A** c B"),
        # no underscore opens a span within a word
        ("_May_ it is", 'これは<e i="1">重要</e>です', "これは _重要_ です"),
        # a line that would become an item
        ("May 2 it is", "2. Mai ist es", "2\\. Mai ist es"),
        # lines by their numbers
        ("one\ntwo", '<l i="2">zwei</l>\n<l i="1">eins</l>', "eins\nzwei"),
        # breaks within a line are none
        ("one two", "eins\r\nzwei", "eins zwei"),
        ("fish & <b>", 'Fisch & Chips <x i="1">&lt;b&gt;</x>', "Fisch & Chips <b>"),
    ],
)
def test_repairs(text: str, answer: str, back: str):
    assert decode(parse(text), answer) == back


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (ADA, 'Hallo <x i="1">@ada</x>, jetzt'),
        ("**bold** move", "fetter Zug"),
        ("**bold** move", '<e i="1"> </e>Zug'),
        ("one\ntwo", '<l i="1">eins</l>'),
        ("one\ntwo", "eins zwei"),
        ("one\ntwo", '<l i="1">eins</l><l i="1">zwei</l><l i="2">drei</l>'),
        ("plain words", "look at @room"),
        ("plain words", "look at https://evil.example"),
        ("see [it](https://a.org)", 'sieh <e i="1">es <x i="1">x</x></e> [da](https://b.org)'),
    ],
)
def test_what_cannot_be_repaired_is_rejected(text: str, answer: str):
    with pytest.raises(Damaged):
        decode(parse(text), answer)


def test_long_things_are_not_shown_to_the_translator():
    encoded = encode(parse(f"see https://example.org/{'x' * 100} there"))

    assert encoded == 'see <x i="1"></x> there'
