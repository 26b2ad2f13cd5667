"""Processes that run `gathering`, forked from one that has imported it: they start in a fifth of the time.

What is special about a process of its own is all there: its environment, its files, signals and exit code, an end by SIGKILL. How
the interpreter itself comes to run `gathering` is tested where a test starts it by `subprocess`.
"""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["gateway.cli", "gateway.app", "engine.storage.sql", "uvloop", "pytest"])


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    output: Path,
    errors: Path | None = None,
    said: Path = Path(os.devnull),
    takeover_rest: float | None = None,
) -> ForkServerProcess:
    """Run `gathering` with these arguments and with this environment alone; its files are appended to.

    `errors` go where the output goes unless they have a file of their own. `takeover_rest` replaces the engine's constant.
    """
    files = (said, output, errors or output)
    given = (list(arguments), dict(environment), files, takeover_rest)
    process = _CONTEXT.Process(target=_run, args=given, daemon=True)  # ended with those who started it
    process.start()
    return process


def _run(
    arguments: list[str], environment: dict[str, str], files: tuple[Path, Path, Path], takeover_rest: float | None
) -> None:
    for descriptor, path in enumerate(files):
        opened = os.open(path, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["gathering", *arguments]
    import engine.engine  # noqa: PLC0415 - imported before the fork
    from gateway.cli import main  # noqa: PLC0415

    if takeover_rest is not None:
        engine.engine.TAKEOVER_REST = takeover_rest  # type: ignore[misc] # final to everybody else
    main()
