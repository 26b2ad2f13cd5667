"""From the command line to the application."""

import os
import sys

from engine.settings import SettingsError
from gateway.client.remote import address
from gateway.terminal.app import TerminalChat


def start(server: str, *, login: str, password: str, room: str | None) -> None:
    """Run until it is quit. `SettingsError` when the address is none, or nobody can see and type here."""
    app = TerminalChat(address(server), login=login, password=password, room=room)
    if not sys.stdout.isatty():
        raise SettingsError("gathering chat needs a terminal: standard output is not one")
    if not sys.stdin.isatty():
        try:
            _keyboard_for_stdin()
        except OSError as error:
            raise SettingsError(f"gathering chat needs a terminal to read keys from: {error.strerror}") from error
    app.run()


def _keyboard_for_stdin() -> None:
    """Give the terminal back as standard input, after the password was read from a pipe. OSError where there is none."""
    terminal = os.open("/dev/tty", os.O_RDWR)
    os.dup2(terminal, 0)
    os.close(terminal)
