"""The lists at the sides: one's rooms and conversations, and the members of the one that is open."""

from collections.abc import Iterable
from typing import Final

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from gateway.terminal.people import OFFLINE, People
from gateway.terminal.text import colour_of, one_line
from gateway.terminal.timeline import Timeline

_PRESENCE: Final = {"available": ("●", "green"), "busy": ("●", "red"), "away": ("●", "yellow"), OFFLINE: ("○", "dim")}


class Timelines(OptionList):
    """One's rooms and conversations, with how much is unread in each."""

    DEFAULT_CSS = """
    Timelines { width: 26; height: 1fr; border: none; border-right: solid $primary 40%; padding: 0; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(id="timelines", markup=False)

    def update_list(self, timelines: Iterable[Timeline], current: str) -> None:
        """Show these; `current` is the channel of the one that is open."""
        pointed = self.highlighted_option
        wanted = pointed.id if pointed is not None and self.has_focus else current
        options = [
            Option(_label(timeline, current=timeline.channel == current), timeline.channel) for timeline in timelines
        ]
        self.set_options(options)
        for index, option in enumerate(options):
            if option.id == wanted:
                self.highlighted = index


class Members(VerticalScroll, can_focus=False):
    """Who belongs to the open timeline, those who are there first."""

    DEFAULT_CSS = """
    Members { width: 22; height: 1fr; border-left: solid $primary 40%; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__(Static(id="people", markup=False), id="members")

    def update_list(self, people: People) -> None:
        """Show these."""
        listed = people.listed()
        there = sum(person.presence != OFFLINE for person in listed)
        text = Text(f"{there} of {len(listed)} here\n", "dim")
        for person in listed:
            mark, style = _PRESENCE.get(person.presence, _PRESENCE["available"])
            name = one_line(person.participant.name)
            text.append(f"\n{mark} ", style)
            text.append(name, "dim" if person.presence == OFFLINE else colour_of(person.participant.id))
            if person.role != "member":
                text.append(f" {one_line(person.role)}", "dim italic")
            if person.presence not in {"available", OFFLINE}:
                text.append(f" {one_line(person.presence)}", "dim")
        self.query_one("#people", Static).update(text)


def _label(timeline: Timeline, *, current: bool) -> Text:
    sign = "# " if timeline.channel.startswith("room:") else "@ "
    label = Text(sign, "dim", no_wrap=True, overflow="ellipsis")
    label.append(one_line(timeline.name), "bold" if current or timeline.unread else "")
    if timeline.unread:
        label.append(f" {'@' if timeline.mentioned else ''}{timeline.unread}", "bold yellow")
    if timeline.ended:
        label.append(" ✕", "red")
    return label
