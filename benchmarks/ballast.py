"""Work that has nothing to do with a server, beside it on the same cores: `python -m benchmarks.ballast SHARE NICENESS POLICY`.

It takes that much of one core. What takes longer beside it takes longer because the machine is busy, whatever with.
"""

import json
import sys
import time
from contextlib import AbstractContextManager
from typing import Final

from benchmarks.cores import Priority
from benchmarks.server import Server, beside

PERIOD: Final = 0.01
"""Seconds from the beginning of one piece of work to that of the next."""
_PAGE: Final = json.dumps([{"number": number, "text": f"word {number}"} for number in range(20)])


def ballast(share: float, priority: Priority) -> AbstractContextManager[Server]:
    """Take so much of a core for as long as the block, with the priority of what it stands for."""
    return beside("benchmarks.ballast", share, *priority)


def _work(share: float) -> None:
    due = time.monotonic()
    while True:
        since = time.process_time()
        while time.process_time() - since < share * PERIOD:
            json.loads(_PAGE)
        due = max(due + PERIOD, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    Priority(*map(int, sys.argv[2:])).take_on()
    print("ready", flush=True)
    _work(float(sys.argv[1]))
