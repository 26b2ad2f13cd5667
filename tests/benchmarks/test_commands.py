"""The benchmarks by the names that the Makefile and the pages give them."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "Makefile", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "actors" / "README.md"]
NAMED = sorted({name for page in PAGES for name in re.findall(r"-m benchmarks (\w+)", page.read_text())})


@pytest.mark.parametrize("name", NAMED)
def test_a_benchmark_that_is_named_somewhere_exists(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"])

    assert answer.exit_code == 0, answer.output
