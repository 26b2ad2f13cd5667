"""The terminal client as one application."""

from typing import ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from yarl import URL

from gateway.client.remote import Refused, Unreachable
from gateway.terminal.rest import Rest
from gateway.terminal.screens.chat import Chat
from gateway.terminal.screens.sign_in import SignIn
from gateway.terminal.wire import Account


class TerminalChat(App[None]):
    """Signs in, then chats. With a `login` and a `password` the first screen is passed over; `room` is opened first."""

    TITLE = "Gathering"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+l", "toggle_light", "Light/dark", show=False, priority=True)]

    def __init__(self, server: URL, *, login: str = "", password: str = "", room: str | None = None) -> None:
        super().__init__()
        self._rest = Rest(server)
        self._login = login
        self._password = password
        self._room = room

    async def on_mount(self) -> None:
        """Begin."""
        await self._rest.__aenter__()
        problem = ""
        if self._login and self._password:
            try:
                me = await self._rest.sign_in(self._login, self._password)
            except (Refused, Unreachable) as error:
                problem = str(error)
            else:
                self._chat(me)
                return
            finally:
                self._password = ""
        self.push_screen(SignIn(self._rest, self._login, problem))

    async def on_unmount(self) -> None:
        """End."""
        await self._rest.__aexit__(None, None, None)

    @on(SignIn.SignedIn)
    def _signed_in(self, event: SignIn.SignedIn) -> None:
        self._chat(event.me)

    @on(Chat.SignedOut)
    def _signed_out(self, event: Chat.SignedOut) -> None:
        while len(self.screen_stack) > 1 and not isinstance(self.screen, Chat | SignIn):
            self.pop_screen()  # a dialog over it
        if isinstance(self.screen, Chat):
            self.switch_screen(SignIn(self._rest, self._login, event.reason))

    def _chat(self, me: Account) -> None:
        self._login = me.username
        chat = Chat(self._rest, me, self._room)
        if isinstance(self.screen, SignIn):
            self.switch_screen(chat)
        else:
            self.push_screen(chat)

    def action_toggle_light(self) -> None:
        """Light or dark."""
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"
