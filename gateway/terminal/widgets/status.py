"""The line at the top: where one is, and how it stands with the connection."""

from typing import Final

from rich.text import Text
from textual.widgets import Static

from gateway.client.connection import Link
from gateway.terminal.session import Session
from gateway.terminal.text import one_line
from gateway.terminal.timeline import Timeline

_STYLES: Final = {
    Link.CONNECTING: "yellow",
    Link.LIVE: "green",
    Link.RECOVERING: "yellow",
    Link.OFFLINE: "bold red",
}


class Status(Static):
    """One line of text."""

    DEFAULT_CSS = """
    Status { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__(id="status", markup=False)
        self.text = ""
        """What it says."""

    def update_status(self, session: Session, timeline: Timeline | None) -> None:
        """Say how it stands now."""
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"● {session.link.value}", _STYLES[session.link])
        if session.link is not Link.LIVE and session.reason:
            line.append(f" ({one_line(session.reason)[:80]})", "dim")
        if timeline is not None:
            line.append("  ")
            line.append(one_line(timeline.name), "bold")
            if timeline.description:
                line.append(f"  {one_line(timeline.description)}", "dim")
        unread = sum(each.unread for each in session.timelines.values())
        if unread:
            line.append(f"  {unread} unread", "yellow")
        self.text = line.plain
        self.update(line)
