"""The garbage collector, for a server: seldom, in small pieces, and while nobody is on the way.

With its defaults it looks at everything several times a second under load, for up to 300 ms at 500 connections: that was the 99th
percentile of a post's latency (`python -m benchmarks posts`). Almost nothing here is in a cycle; references free it. To look at a thousand
young objects takes about 1 ms; at 20,000, 8 to 17 ms; each time for everyone. And it comes by itself when objects are made, which is
while somebody is served.
"""

import gc
from typing import Final

from engine.traffic import Traffic

EVERY: Final = 0.02
"""Seconds between two looks at whether there is something to collect."""
YOUNG: Final = 50
"""How many more objects were made than freed that it is worth it. To look at them is to look at all that have come and stayed meanwhile,
which are more by far: parked coroutines come as others go."""
LEFT_ALONE: Final = 2_000
"""The same where nobody pauses, so that Python looks by itself."""
OFTEN: Final = 4
"""Looks at the young between two at those that have stayed since the last such look."""
SELDOM: Final = 20_000
"""Of these, between two at everything that was made since the start."""
GIVE_WAY: Final = 0.1
"""Seconds for which those who post come first, at most."""


def spare_what_stays() -> None:
    """Leave out what lives as long as the process; where nobody pauses, look at the rest in pieces that are still small."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(LEFT_ALONE, OFTEN, SELDOM)


async def collect(traffic: Traffic) -> None:
    """Look at what may be garbage, if there is enough of it, once nobody is on the way."""
    young, stayed, older = gc.get_count()
    if young >= YOUNG:
        await traffic.give_way(GIVE_WAY)
        gc.collect(2 if older >= SELDOM else 1 if stayed >= OFTEN else 0)
