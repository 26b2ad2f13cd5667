import io
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from engine.domain.people import User
from engine.settings import Settings
from engine.storage.sql import SqlStorage
from gateway import cli

PASSWORD = "correct horse"
DATABASE = "sqlite+aiosqlite:///var/gathering.db"


class Outcome(NamedTuple):
    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command in this process, in an empty folder with an empty environment; gives its exit code and what it wrote."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GATHERING_{name.upper()}", raising=False)
    monkeypatch.setenv("GATHERING_ARGON2_MEMORY_KIB", "8")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, stdin: str = "") -> Outcome:
        monkeypatch.setattr("sys.argv", ["gathering", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as end:
            cli.main()
        return Outcome(end.value.code, *capsys.readouterr())

    return run


def account(login: str) -> User | None:
    async def find() -> User | None:
        async with SqlStorage(DATABASE) as storage:
            found = await storage.users.by_login(login)
            return found[0] if found else None

    return anyio.run(find)


def create(run: Run, username: str, *more: str, email: str = "ada@example.org", password: str = PASSWORD) -> Outcome:
    return run(
        "user", "create", "--username", username, "--email", email, "--password-stdin", *more, stdin=f"{password}\n"
    )


def assert_refused(outcome: Outcome, *sentences: str) -> None:
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.count("\n") == 1
    for sentence in ("gathering: ", *sentences):
        assert sentence in outcome.err


def test_config_prints_the_effective_settings_without_secrets(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATHERING_SECRET_KEY", "tell-nobody")
    monkeypatch.setenv("GATHERING_DEEPL_AUTH_KEY", "tell-nobody-either:fx")
    monkeypatch.setenv("GATHERING_DATABASE_URL", "postgresql://ada:tell-nobody@db/gathering")
    Path("gathering.toml").write_text("port = 9000\n")

    code, out, _ = run("config", "--config", "gathering.toml")

    assert code == 0
    assert "tell-nobody" not in out
    assert tomllib.loads(out)["port"] == 9000
    assert tomllib.loads(out)["deepl_auth_key"] == "********"
    assert tomllib.loads(out)["database_url"] == "postgresql+asyncpg://ada:********@db/gathering"
    assert not Path("var").exists()


def test_a_setting_that_cannot_be_used_is_one_line_and_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch):
    Path("gathering.toml").write_text("prot = 9000\n")

    assert_refused(run("config", "--config", "gathering.toml"), '"prot"')
    assert_refused(run("serve", "--port", "70000"), "port", "65535")
    monkeypatch.setenv("GATHERING_LOG_LEVEL", "loud")
    assert_refused(run("config"), "log_level")


def test_a_provider_of_translations_that_is_not_there_is_one_line_and_exit_code_1(
    run: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GATHERING_TRANSLATION_PROVIDER", "chat_model")
    monkeypatch.setenv("GATHERING_LOG_LEVEL", "error")

    assert_refused(run("serve", "--port", "0"), "translation_provider chat_model needs chat_model")


@pytest.mark.parametrize(
    "arguments",
    [("serve", "--prot", "1"), ("serve", "--port", "http"), ("user", "promote"), ("sing",), ("user", "create")],
)
def test_a_command_line_that_cannot_be_understood_is_exit_code_2(run: Run, arguments: tuple[str, ...]):
    outcome = run(*arguments)

    assert outcome.code == 2
    assert "Usage:" in outcome.err
    assert "Traceback" not in outcome.err


def test_an_account_is_created_with_the_password_from_standard_input(run: Run):
    outcome = create(run, "Ada", "--admin")

    user = account("ada")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Ada has an account and is an administrator" in outcome.out
    assert user is not None
    assert user.principal.admin
    assert not Path("var/secret.key").exists()


def test_creating_an_account_that_cannot_be_is_one_line_and_exit_code_1(run: Run):
    create(run, "ada")

    assert_refused(create(run, "ADA", email="other@example.org"), "username is taken")
    assert_refused(create(run, "grace"), "email is taken")
    assert_refused(create(run, "with space"), "username")
    assert_refused(create(run, "grace", password="short"), "password")


def test_a_password_is_asked_of_nobody_where_there_is_nobody(run: Run):
    outcome = run("user", "create", "--username", "ada", "--email", "ada@example.org")

    assert outcome.code == 2
    assert "--password-stdin" in outcome.err


def test_a_person_is_promoted_and_deactivated_by_name_in_any_case(run: Run):
    create(run, "ada")

    outcomes = run("user", "promote", "ADA"), run("user", "deactivate", "Ada@example.org")

    user = account("ada")
    assert [outcome.code for outcome in outcomes] == [0, 0]
    assert user is not None
    assert (user.principal.admin, user.active) == (True, False)
    assert_refused(run("user", "promote", "nobody"), "no such person")


def test_migrate_makes_a_database_and_again_changes_nothing(run: Run):
    first, second = run("migrate"), run("migrate")

    assert (first.code, second.code) == (0, 0)
    assert account("ada") is None


def test_a_database_that_cannot_be_used_is_one_line_and_exit_code_1(run: Run):
    nowhere = "postgresql://ada:tell-nobody@127.0.0.1:1/db"
    Path("file").touch()

    for command in (("migrate",), ("serve",), ("user", "promote", "ada")):
        outcome = run(*command, "--database-url", nowhere)
        assert_refused(outcome, "database")
        assert "tell-nobody" not in outcome.err
    assert_refused(run("migrate", "--database-url", "sqlite:///file/x.db"), "database cannot be used")
    assert_refused(run("migrate", "--database-url", "postgresql://127.0.0.1:port/db"), "database cannot be used")


def test_a_postgresql_database_is_served_only_when_it_is_migrated_and_not_with_a_wrong_name(
    run: Run, postgres_url: str
):
    unmigrated, missing = (re.sub(r"/test_\d+", f"/{name}", postgres_url) for name in ("postgres", "missing"))

    assert_refused(run("serve", "--database-url", unmigrated), "migrate")
    assert_refused(run("serve", "--database-url", missing), "database cannot be used")


def test_serving_beyond_loopback_needs_a_secret_key_and_no_demo(run: Run, monkeypatch: pytest.MonkeyPatch):
    assert_refused(run("serve", "--host", "0.0.0.0"), "secret_key is required")  # noqa: S104 - the case in question
    monkeypatch.setenv("GATHERING_SECRET_KEY", "k" * 32)
    assert_refused(run("serve", "--host", "0.0.0.0", "--demo"), "demo")  # noqa: S104


def test_the_server_prints_its_address_and_how_to_sign_in_and_ends_with_0_on_sigterm(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--port", "0", "--demo"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        said = [server.stdout.readline() for _ in range(3)]
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)

    assert re.search(r"http://127\.0\.0\.1:\d+", said[0])
    assert "ada" in said[2]
    assert "gathering-demo" in said[2]
    assert (server.returncode, "Traceback" in errors) == (0, False)


def test_chat_without_its_extra_says_how_to_install_it(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli, "find_spec", lambda _: None)

    assert_refused(run("chat"), "pip install 'gathering[chat]'")


@pytest.mark.parametrize("address", ["localhost:8080", "ftp://a", "http://", "http://[", ""])
def test_chat_refuses_what_is_no_address(run: Run, address: str):
    assert_refused(run("chat", "--server", address), "--server", "is not an address")


def test_chat_says_that_it_needs_a_terminal(run: Run):
    assert_refused(run("chat", "--password-stdin", stdin="secret\n"), "needs a terminal")


def test_the_server_starts_without_the_terminal_client():
    program = "import sys, gateway.cli, gateway.app; print({'textual', 'centrifuge'} & set(sys.modules))"

    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
