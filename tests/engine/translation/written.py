"""Messages as people write them, for laws."""

from typing import Any

from hypothesis import strategies as st

ATOMS = (
    "@ada",
    "@room",
    "https://example.org/a?b=c&d",
    "www.example.org",
    "a.b@example.org",
    "`code`",
    "```x = 1```",
    "🙂",
    "👩‍👩‍👧",
    "🇩🇪",
    ":smile:",
    "\\*",
    "<b>",
    "&amp;",
    "|",
    '<x i="1">',
)
WORDS = ("good", "morning", "fish & chips", "a < b", "über", "ありがとう", "明日", "don't", "x", "2.", "100%", "e", "l")
PREFIXES = ("", "", "", "# ", "- ", "1. ", "> ", "- [ ] ", "  ")
MARKS = (("**", "**"), ("*", "*"), ("_", "_"), ("~~", "~~"), ("[", "](https://example.org/p)"), ("![", "](cat.png)"))


@st.composite
def sentences(draw: Any, depth: int = 2) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 5))):
        if depth and draw(st.integers(0, 3)) == 0:
            opening, closing = draw(st.sampled_from(MARKS))
            parts.append(f"{opening}{draw(sentences(depth - 1))}{closing}")
        else:
            parts.append(draw(st.sampled_from(WORDS + ATOMS)))
    return str(draw(st.sampled_from((" ", " ", ", ")))).join(parts)


@st.composite
def messages(draw: Any) -> str:
    lines = [draw(st.sampled_from(PREFIXES)) + draw(sentences()) for _ in range(draw(st.integers(1, 4)))]
    if draw(st.integers(0, 5)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), "```py\nx = 'words'\n```")
    return "\n".join(lines)
