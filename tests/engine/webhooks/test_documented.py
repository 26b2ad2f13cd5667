"""The programs of docs/webhooks.md accept what is signed here, and nothing else."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.webhooks.signature import headers, new_secret

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
NODE = Path(sys.executable).with_name("node")
SECRET = new_secret(lambda count: bytes(range(count)))
BODY = '{"text": "\u2028 😀"}'.encode()


def program(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def accepts(language: str, signed: dict[str, str], body: bytes) -> bool:
    if language == "python":
        namespace: dict[str, Any] = {}
        exec(program("python"), namespace)  # noqa: S102 - what the page says
        try:
            namespace["verify"](SECRET, signed, body)
        except ValueError:
            return False
        return True
    call = f"verify({json.dumps(SECRET)}, {json.dumps(signed)}, Buffer.from({json.dumps(body.hex())}, 'hex'));"
    ran = subprocess.run(
        [NODE, "--input-type=module", "-e", f"{program('js')}\n{call}"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 or "Error: the signature" in ran.stderr or "Error: too old" in ran.stderr, ran.stderr
    return ran.returncode == 0


@pytest.mark.parametrize("language", ["python", "js"])
def test_the_documented_program_accepts_what_is_signed_and_nothing_else(language: str):
    now = datetime.now(UTC)
    signed = headers(SECRET, "msg_1_2", now, BODY)
    rotated = signed | {"webhook-signature": f"v1,AAAA {signed['webhook-signature']}"}
    old = headers(SECRET, "msg_1_2", datetime.fromtimestamp(now.timestamp() - 400, UTC), BODY)

    assert accepts(language, signed, BODY)
    assert accepts(language, rotated, BODY)
    assert not accepts(language, signed, BODY + b" ")
    assert not accepts(language, signed | {"webhook-id": "msg_1_3"}, BODY)
    assert not accepts(language, old, BODY)
