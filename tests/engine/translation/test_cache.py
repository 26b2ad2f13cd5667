from hypothesis import given
from hypothesis import strategies as st

from engine.translation.cache import CHARACTERS_EACH, Cache
from engine.translation.flights import sameness
from engine.translation.work import Rendering
from tests.engine.translation.interpreting import work


def rendering(text: str) -> Rendering:
    return Rendering(text=text, source="en", target="de", provider="test")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 4_000))), st.integers(0, 4))
def test_it_keeps_so_many_and_so_much_and_those_used_last(uses: list[tuple[bool, int, int]], most: int):
    cache = Cache(most)
    used: dict[int, int] = {}

    for put, number, size in uses:
        key = sameness(work(str(number)))
        if put:
            cache.put(key, rendering("x" * size))
            used.pop(number, None)
            used[number] = size
        elif cache.get(key) is not None:
            used[number] = used.pop(number)
        while len(used) > most or sum(used.values()) + len(used) > most * CHARACTERS_EACH:
            used.pop(next(iter(used)))

        assert len(cache) == len(used)
        assert all(
            (cache._renderings.get(sameness(work(str(each)))) is not None) == (each in used) for each in range(9)
        )
