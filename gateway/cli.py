"""The command `gathering`.

What a person gets wrong (a setting, a name that is taken, a database that is away) ends as one line on standard error and exit
code 1; a command line that cannot be understood is explained with exit code 2.
"""

import secrets
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TypeAlias

import anyio
import typer
from pydantic import SecretStr

from engine.accounts.accounts import Accounts
from engine.accounts.forms import AccountChanges
from engine.clock import SystemClock
from engine.domain.activity import Activity
from engine.domain.fields import AccountRole
from engine.engine import open_storage
from engine.errors import EngineError, InvalidRequest
from engine.logs import configure_logging, scrubbed
from engine.secret_key import is_loopback, with_secret_key
from engine.settings import LogLevel, Settings, SettingsError, load
from gateway.settings import rendered

app = typer.Typer(
    help="Rooms where people meet.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
user = typer.Typer(help="People's accounts, on the database itself.", no_args_is_help=True)
app.add_typer(user, name="user")

Config: TypeAlias = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="A TOML file with settings.")]
DatabaseUrl: TypeAlias = Annotated[
    str | None, typer.Option(metavar="URL", help="sqlite+aiosqlite:///file or postgresql+asyncpg://user@host/database")
]
Login: TypeAlias = Annotated[str | None, typer.Argument(metavar="USERNAME", help="Or the email.")]
Username: TypeAlias = Annotated[str | None, typer.Option("--username", help="The same, as in `user create`.")]


def main() -> None:
    """Run the command line and exit."""
    try:
        app()
    except (SettingsError, EngineError) as error:
        sys.stderr.write(f"gathering: {error}\n")
        raise SystemExit(1) from None


@app.command()
def serve(
    config: Config = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
    database_url: DatabaseUrl = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add demo people and rooms, and print how to sign in.")] = False,
) -> None:
    """Run the server until it is told to stop (SIGTERM, Ctrl-C)."""
    from gateway.app import serve as run_server  # noqa: PLC0415 - the other commands need no web server
    from gateway.demo import for_show  # noqa: PLC0415 - the same

    settings = with_secret_key(load(config, host=host, port=port, database_url=database_url))
    if demo and not is_loopback(settings.host):
        raise SettingsError(f"--demo is for this machine only, everyone knows its passwords: host is {settings.host}")
    if demo:
        settings = for_show(settings)
    _on_database(partial(_try_storage, settings))
    _run(partial(run_server, settings, demo=demo))


@app.command()
def migrate(config: Config = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database's schema to the present revision. SQLite's is brought there by `serve` too."""
    from engine.storage.sql import migrate as migrate_database  # noqa: PLC0415 - `config` needs no database

    _on_database(partial(migrate_database, load(config, database_url=database_url).database_url))


@app.command("config")
def show_config(config: Config = None) -> None:
    """Print the effective settings, secrets masked."""
    for line in rendered(load(config)):
        typer.echo(line)


@app.command()
def chat(
    server: Annotated[str, typer.Option(metavar="URL", help="The server's address.")] = "http://127.0.0.1:8080",
    login: Annotated[str, typer.Option(metavar="NAME", help="Your username or email.")] = "",
    room: Annotated[str | None, typer.Option(metavar="NAME_OR_ID", help="The room to open, joined if need be.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password's line from stdin.")
    ] = False,
) -> None:
    """Chat in this terminal. The password is asked for, and not shown."""
    if find_spec("textual") is None or find_spec("centrifuge") is None:
        raise SettingsError("the terminal client is not installed: pip install 'gathering[chat]'")
    from gateway.terminal.start import start  # noqa: PLC0415 - the other commands need none of it

    start(server, login=login, room=room, password=_password(from_stdin=True) if password_stdin else "")


@app.command("mcp")
def serve_mcp(
    server: Annotated[
        str, typer.Option(metavar="URL", envvar="GATHERING_SERVER", help="The server's address.")
    ] = "http://127.0.0.1:8080",
    api_key: Annotated[
        str,
        typer.Option(metavar="KEY", envvar="GATHERING_API_KEY", help="Whom it speaks for; better in the environment."),
    ] = "",
) -> None:
    """Let a Model Context Protocol host list, read, search and post, over standard input and output."""
    if find_spec("mcp") is None:
        raise SettingsError("the Model Context Protocol is not installed: pip install 'gathering[mcp]'")
    if not api_key:
        raise SettingsError("an API key is needed: GATHERING_API_KEY, or --api-key")
    from gateway.client.remote import address  # noqa: PLC0415 - the same
    from gateway.mcp.server import serve  # noqa: PLC0415 - the other commands need none of it

    anyio.run(serve, address(server), api_key)


@user.command("create")
def create_user(
    username: Annotated[str, typer.Option(help="1 to 64 letters, digits, and . _ - between them.")],
    email: Annotated[str, typer.Option()],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password's line from stdin.")
    ] = False,
    admin: Annotated[bool, typer.Option("--admin", help="An administrator.")] = False,
    config: Config = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Open an account."""
    password = _password(from_stdin=password_stdin)

    async def create(accounts: Accounts) -> None:
        created = await accounts.create(username, email, password, admin=admin)
        typer.echo(f"{created.username} has an account{' and is an administrator' if admin else ''}")

    _with_accounts(load(config, database_url=database_url), create)


@user.command("promote")
def promote_user(
    login: Login = None, username: Username = None, config: Config = None, database_url: DatabaseUrl = None
) -> None:
    """Make someone an administrator."""
    who = _one_of(login, username)

    async def promote(accounts: Accounts) -> None:
        found = await accounts.find(who)
        await accounts.administrate(found.id, AccountChanges(role=AccountRole.ADMIN))
        typer.echo(f"{found.username} is an administrator")

    _with_accounts(load(config, database_url=database_url), promote)


@user.command("deactivate")
def deactivate_user(
    login: Login = None, username: Username = None, config: Config = None, database_url: DatabaseUrl = None
) -> None:
    """Refuse someone from now on: they are signed out and cannot sign in."""
    who = _one_of(login, username)

    async def deactivate(accounts: Accounts) -> None:
        found = await accounts.find(who)
        await accounts.administrate(found.id, AccountChanges(active=False))
        typer.echo(f"{found.username} is deactivated")

    _with_accounts(load(config, database_url=database_url), deactivate)


def _one_of(login: str | None, username: str | None) -> str:
    given = login or username
    if not given or (login and username):
        raise typer.BadParameter("is needed, once", param_hint="USERNAME")
    return given


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            return sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise InvalidRequest.field("password", "is not UTF-8") from None
    if not sys.stdin.isatty():
        raise typer.BadParameter("is needed where nobody can be asked for the password", param_hint="--password-stdin")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _with_accounts(settings: Settings, act: Callable[[Accounts], Awaitable[None]]) -> None:
    """Act on the accounts of a database, whether or not a server is running on it. A new SQLite file is made."""
    configure_logging(LogLevel.WARNING, settings.log_format)
    # Nothing is signed here: no key needs to be known, and none is made.
    unsigned = settings.model_copy(update={"secret_key": SecretStr(secrets.token_hex())})

    async def run() -> None:
        async with open_storage(settings) as storage:
            done: list[Activity] = []
            await act(Accounts.of(unsigned, storage, SystemClock(), record=done.extend))
            await storage.activity.add(done)

    _on_database(run)


async def _try_storage(settings: Settings) -> None:
    """Find out before the server starts whether the database can be used."""
    async with open_storage(settings):
        pass


def _on_database(main: Callable[[], Awaitable[object]]) -> None:
    """Run something that opens the database, and say in a line why it cannot be opened."""
    try:
        _run(main)
    except (EngineError, SettingsError):
        raise
    except (
        Exception
    ) as error:  # a boundary: whatever a driver says of an address that leads nowhere, or of a wrong password
        from engine.storage.sql import SchemaOutdated  # noqa: PLC0415 - `config` needs no database
        from engine.storage.sql.errors import describe  # noqa: PLC0415 - the same

        match error:
            case OSError():
                reason = error.strerror or str(error)
            case SchemaOutdated() | ValueError():
                reason = scrubbed(str(error))
            case _:
                reason = describe(error)
        raise SettingsError(f"the database cannot be used: {reason}") from error


def _run(main: Callable[[], Awaitable[object]]) -> None:
    """On uvloop where it is installed."""
    anyio.run(main, backend_options={"use_uvloop": find_spec("uvloop") is not None})
