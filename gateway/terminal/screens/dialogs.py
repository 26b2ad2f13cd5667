"""What opens over the chat: find a room, open one, confirm, and the list of keys."""

from typing import ClassVar, Final

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, OptionList, Static
from textual.widgets.option_list import Option

from gateway.client.remote import Refused, Unreachable
from gateway.terminal.session import Session
from gateway.terminal.text import one_line
from gateway.terminal.wire import Room

_CSS: Final = """
%s { align: center middle; }
%s > VerticalScroll {
    width: 64; max-width: 100%%; height: auto; max-height: 90%%; border: round $accent; padding: 0 1; background: $surface;
}
%s OptionList { height: auto; max-height: 14; border: none; }
%s .problem { color: $error; height: auto; }
"""

KEYS: Final = (
    ("Enter", "send; Ctrl+J begins a new line"),
    ("Up", "in an empty field: edit your last message"),
    ("Esc", "from the field to the messages, and back"),
    ("Up Down PgUp PgDn Home End", "among the messages"),
    ("R  E  D  T", "reply, edit, delete, try again (a message that was not sent; D discards it)"),
    ("Ctrl+O", "go to a room, or find one and join it"),
    ("Ctrl+N", "open a room of your own"),
    ("Ctrl+G", "go to the next room with something unread"),
    ("Alt+Up Alt+Down", "the room before, the room after"),
    ("Ctrl+R  Ctrl+B", "show or hide the rooms, the members"),
    ("Ctrl+L", "light or dark"),
    ("F8", "leave the room"),
    ("Ctrl+Q", "quit"),
)


class FindRoom(ModalScreen[tuple[Room, bool] | None]):
    """Rooms by a part of their name, one's own first. Answers a room, and whether it is one's own."""

    DEFAULT_CSS = _CSS % (("FindRoom",) * 4)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back"),
        Binding("down", "cursor(1)", show=False, priority=True),
        Binding("up", "cursor(-1)", show=False, priority=True),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._found: list[Room] = []

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        with VerticalScroll(can_focus=False):
            yield Input(placeholder="A room's name", id="query")
            yield OptionList(id="found", markup=False)
            yield Static(classes="problem", markup=False)

    def on_mount(self) -> None:
        """Show all."""
        self._search("")

    @on(Input.Changed, "#query")
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Input.Submitted, "#query")
    def _entered(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        room = self._found[event.option_index]
        self.dismiss((room, room.channel in self._session.timelines))

    def action_cursor(self, step: int) -> None:
        """Move in the list while typing."""
        found = self.query_one(OptionList)
        if step > 0:
            found.action_cursor_down()
        else:
            found.action_cursor_up()

    @work(exclusive=True)
    async def _search(self, query: str) -> None:
        try:
            rooms = await self._session.rest.rooms(query.strip()[:100])
        except (Refused, Unreachable) as problem:
            self.query_one(".problem", Static).update(Text(one_line(str(problem))))
            return
        mine = self._session.timelines
        self._found = sorted(rooms, key=lambda room: (room.channel not in mine, room.name.casefold()))
        found = self.query_one(OptionList)
        found.set_options([Option(_room_label(room, mine=room.channel in mine)) for room in self._found])
        found.highlighted = 0 if self._found else None
        self.query_one(".problem", Static).update(Text("" if rooms else "There is no such room"))


class NewRoom(ModalScreen[tuple[str, str, bool] | None]):
    """Answers a name, a description, and whether the room is private."""

    DEFAULT_CSS = _CSS % (("NewRoom",) * 4)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        with VerticalScroll(can_focus=False):
            yield Static(Text("A new room", "bold"), markup=False)
            yield Input(placeholder="Name", id="name", max_length=80)
            yield Input(placeholder="Description (may stay empty)", id="description", max_length=1000)
            yield Checkbox("Private: by invitation only", id="private")

    @on(Input.Submitted)
    def _entered(self) -> None:
        name = self.query_one("#name", Input).value.strip()
        if name:
            self.dismiss(
                (name, self.query_one("#description", Input).value.strip(), self.query_one("#private", Checkbox).value)
            )


class Confirm(ModalScreen[bool]):
    """A question that Y answers with yes, anything else with no."""

    DEFAULT_CSS = _CSS % (("Confirm",) * 4)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,escape,enter", "dismiss(False)", "No"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        with VerticalScroll():
            yield Static(Text.assemble(one_line(self._question), "  ", ("Y", "bold"), " yes  ", ("N", "bold"), " no"))


class Keys(ModalScreen[None]):
    """What can be pressed."""

    DEFAULT_CSS = _CSS % (("Keys",) * 4)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter,q", "dismiss(None)", "Back")]

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        with VerticalScroll():
            text = Text("\n").join(Text.assemble((keys, "bold"), "  ", what) for keys, what in KEYS)
            yield Static(text, markup=False)


def _room_label(room: Room, *, mine: bool) -> Text:
    label = Text.assemble(
        ("# " if mine else "+ ", "dim"), (one_line(room.name), "bold"), no_wrap=True, overflow="ellipsis"
    )
    label.append(f"  {one_line(room.description)}" if room.description else "", "dim")
    return label if mine else label + Text("  (join)", "green")
