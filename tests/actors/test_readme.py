"""Every block of code in the README runs."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import actors
from actors.testing import BACKENDS, Simulation, simulate

README = (Path(actors.__file__).parent / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _run(block: str, name: str, backend: str) -> None:
    module = ModuleType(name)
    sys.modules[name] = module  # where an actor class looks for its messages
    try:
        exec(compile(block, name, "exec"), vars(module))  # noqa: S102 - our own documentation
        if "anyio.run(" not in block and (main := getattr(module, "main", None)):

            async def scenario(_: Simulation[Any]) -> None:
                await main()

            simulate(scenario, backend=backend, seed=1)
        for each, test in list(vars(module).items()):
            if each.startswith("test_"):
                test()
    finally:
        del sys.modules[name]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_the_readme_runs(number: int, backend: str) -> None:
    _run(BLOCKS[number], f"readme_{number}", backend)


def test_the_first_example_has_ten_lines_of_its_own() -> None:
    lines = [line for line in BLOCKS[0].splitlines() if line.strip() and not line.startswith(("import", "from"))]

    assert len(lines) <= 14
