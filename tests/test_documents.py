"""README and the architecture page name what there is: they are read by people who believe them."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from engine.settings import RESERVED, Settings
from engine.storage.memory import MemoryStorage
from tests.engine.timelines.acting import running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def settings_of_the_table() -> set[str]:
    """The variables of README's table; `_CONTINUED` stands for the one before it with another ending."""
    names: set[str] = set()
    for row in re.findall(r"^\| (`GATHERING_.*?) \|", README, re.MULTILINE):
        first, *others = re.findall(r"`([A-Z0-9_]+)`", row)
        names.add(first)
        names.update(_full(first, other) for other in others)
    return names


def _full(first: str, name: str) -> str:
    """`_PER_HOST` after `GATHERING_X_Y` is `GATHERING_X_Y_PER_HOST` or `GATHERING_X_PER_HOST`, whichever is a setting."""
    if name.startswith("GATHERING_"):
        return name
    whole = (first + name, first.rpartition("_")[0] + name, first.rpartition("_")[0].rpartition("_")[0] + name)
    return next((each for each in whole if each.removeprefix("GATHERING_").lower() in Settings.model_fields), name)


def test_every_setting_is_in_the_readme_and_nothing_else() -> None:
    known = {f"GATHERING_{name.upper()}" for name in Settings.model_fields}
    promised = {f"GATHERING_{name.upper()}" for name in RESERVED}

    assert known - settings_of_the_table() == set()
    assert settings_of_the_table() - known <= promised


@pytest.mark.anyio
async def test_the_tree_that_is_drawn_is_the_one_that_runs() -> None:
    drawn = re.findall(r"^    [|`]-- (\w+)", ARCHITECTURE, re.MULTILINE)

    async with running(MemoryStorage(), translation_provider="pseudo") as engine:
        children = [child.path.partition("/")[2] for child in engine.system.tree().children]

    assert sorted(drawn) == sorted(children)


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))])
def test_a_page_is_laid_out_as_its_readers_see_it(page: str) -> None:
    lines = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL).split("\n")
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]

    crowded = [line for before, line in pairwise(lines) if line.startswith("#") and before]
    assert crowded == []
    assert len(rows) == len(set(rows))
