"""The first screen: sign in, or open an account."""

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message as Notice
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from gateway.client.remote import Refused, Unreachable
from gateway.terminal.rest import Rest
from gateway.terminal.text import one_line
from gateway.terminal.wire import Account


class SignIn(Screen[None]):
    """Asks for the name and the password, which is not shown; and for an email as well, for a new account."""

    DEFAULT_CSS = """
    SignIn { align: center middle; }
    SignIn #form { width: 60; max-width: 100%; height: auto; max-height: 100%; border: round $primary; padding: 0 2; }
    SignIn #email { display: none; }
    SignIn.-new #email { display: block; }
    SignIn #title { text-style: bold; }
    SignIn #problem { color: $error; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Sign in", show=True),
        Binding("f2", "toggle_new", "New account / sign in"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

    class SignedIn(Notice):
        """Someone is signed in."""

        def __init__(self, me: Account) -> None:
            super().__init__()
            self.me = me

    def __init__(self, rest: Rest, login: str = "", problem: str = "") -> None:
        super().__init__()
        self._rest = rest
        self._login = login
        self._problem = problem

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        with VerticalScroll(id="form", can_focus=False):
            yield Static("", id="title", markup=False)
            yield Input(self._login, placeholder="Username or email", id="login")
            yield Input(placeholder="Email", id="email")
            yield Input(placeholder="Password", password=True, id="password")
            yield Static(Text(one_line(self._problem)), id="problem", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin where something is missing."""
        self._retitle()
        self.query_one("#password" if self._login else "#login", Input).focus()

    def action_toggle_new(self) -> None:
        """Between signing in and opening an account."""
        self.toggle_class("-new")
        self.query_one("#login", Input).placeholder = "Username" if self.has_class("-new") else "Username or email"
        self._retitle()

    def _retitle(self) -> None:
        what = "Open an account" if self.has_class("-new") else "Sign in"
        self.query_one("#title", Static).update(Text(f"{what} at {one_line(str(self._rest.server))}"))

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Go to the field that is empty, else ask the server."""
        fields = ["login", *(["email"] if self.has_class("-new") else []), "password"]
        for name in fields:
            field = self.query_one(f"#{name}", Input)
            if not field.value:
                field.focus()
                return
        self._ask()

    @work(exclusive=True)
    async def _ask(self) -> None:
        login, email, password = (self.query_one(f"#{name}", Input).value for name in ("login", "email", "password"))
        self._say("one moment…")
        try:
            if self.has_class("-new"):
                await self._rest.sign_up(login.strip(), email.strip(), password)
                self.remove_class("-new")
                self._retitle()
            me = await self._rest.sign_in(login.strip(), password)
        except (Refused, Unreachable) as problem:
            self._say(str(problem))
            return
        self.query_one("#password", Input).value = ""
        self._say("")
        self.post_message(self.SignedIn(me))

    def _say(self, words: str) -> None:
        self.query_one("#problem", Static).update(Text(one_line(words)))
