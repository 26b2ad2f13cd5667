from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.agents.models.thoughts import Thoughts

texts = st.text(alphabet="<think>/ab \n", max_size=40)


def spoken(parts: list[str]) -> str:
    thoughts = Thoughts()
    return "".join([thoughts.said(part) for part in parts]) + thoughts.rest()


@given(texts, st.lists(st.integers(0, 40)))
def test_how_a_text_is_cut_into_parts_makes_no_difference(text: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[start:end] for start, end in pairwise(places)]

    assert spoken(parts) == spoken([text])


@given(st.text(alphabet="<think>/ab \n", max_size=20), st.text(alphabet="ab c", min_size=1, max_size=20))
def test_leading_thoughts_are_taken_out_with_the_space_around_them(thought: str, said: str) -> None:
    inner = thought.replace("</think>", "")
    while "</think>" in inner:
        inner = inner.replace("</think>", "")

    assert spoken(["\n<think>", inner, "</think>\n\n", said]) == said.lstrip()


@given(texts)
def test_what_does_not_begin_with_a_thought_is_left_as_it_is(text: str) -> None:
    assert spoken([f"x{text}"]) == f"x{text}"
    assert spoken(list("<think about it")) == "<think about it"
