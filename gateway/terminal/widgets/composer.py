"""Where one writes."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message as Notice
from textual.widgets import TextArea


class Composer(TextArea):
    """A field that grows with its text. Enter sends it; Ctrl+J (and Alt+Enter or Shift+Enter, where they arrive) begins a line."""

    DEFAULT_CSS = """
    Composer { height: auto; min-width: 12; min-height: 3; max-height: 8; border: round $primary; padding: 0 1; }
    Composer:focus { border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", show=True),
    ]

    class Sent(Notice):
        """Enter was pressed on a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class EditLast(Notice):
        """Up was pressed where there is nothing above: the last own message is to be edited."""

    class Left(Notice):
        """Escape was pressed."""

    def __init__(self) -> None:
        super().__init__(
            id="composer", soft_wrap=True, compact=False, highlight_cursor_line=False, placeholder="Write a message"
        )

    def action_send(self) -> None:
        """Hand the text on, unless there is none. The field is empty at once: the next letters belong to the next message."""
        text = self.text.strip()
        if text:
            self.clear()
            self.post_message(self.Sent(text))

    def action_new_line(self) -> None:
        """Begin a line."""
        self.insert("\n")

    async def _on_key(self, event: Key) -> None:
        # Not as priority bindings: those run before the letters typed just before have arrived here.
        if event.key == "enter":
            event.prevent_default().stop()
            self.action_send()
        elif event.key in {"ctrl+j", "alt+enter", "shift+enter"}:
            event.prevent_default().stop()
            self.action_new_line()
        elif event.key == "up" and not self.text:
            event.prevent_default().stop()
            self.post_message(self.EditLast())
        elif event.key == "escape":
            event.prevent_default().stop()
            self.post_message(self.Left())
        else:
            await super()._on_key(event)
