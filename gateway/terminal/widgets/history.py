"""A timeline on the screen: scrolls, follows what is new, asks for what is older, and points at one message."""

from typing import ClassVar, Final

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message as Notice
from textual.scroll_view import ScrollView
from textual.strip import Strip

from gateway.terminal.lines import Renderer, Row
from gateway.terminal.timeline import Timeline

_NEAR_TOP: Final = 5
"""Lines above which the page before is asked for."""


class History(ScrollView, can_focus=True):
    """Shows one timeline. It stays at the end while it is there, and elsewhere where it is, whatever comes above or below."""

    DEFAULT_CSS = """
    History { height: 1fr; padding: 0 1; background: $surface; overflow-x: hidden; scrollbar-size-vertical: 1; }
    History > .history--pointed { background: $primary 30%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"history--pointed"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "point(-1)", "Older", show=False),
        Binding("down,j", "point(1)", "Newer", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "oldest", "Top", show=False),
        Binding("end", "newest", "Newest", show=False),
    ]

    class NearTop(Notice):
        """What is older should be read."""

    def __init__(self) -> None:
        super().__init__(id="history")
        self._renderer = Renderer()
        self._timeline: Timeline | None = None
        self._rows: list[Row] = []
        self._lines: list[tuple[Row, int]] = []
        self._starts: dict[str, int] = {}
        self._pointed = ""
        self._following = True

    @property
    def pointed(self) -> Row | None:
        """The message, or the post under way, that is pointed at."""
        start = self._starts.get(self._pointed)
        return None if start is None else self._lines[start][0]

    @property
    def text(self) -> str:
        """All that can be scrolled to."""
        return "\n".join(line.plain for row in self._rows for line in row.lines)

    def show_timeline(self, timeline: Timeline | None) -> None:
        """Show another timeline, from its end."""
        self._timeline = timeline
        self._pointed, self._following = "", True
        self.update()

    def update(self) -> None:
        """Show what has changed."""
        anchor = self._anchor()
        width = max(1, self.scrollable_content_region.width)
        self._rows = self._renderer.rows(self._timeline, width) if self._timeline is not None else []
        self._lines = [(row, number) for row in self._rows for number in range(len(row.lines))]
        self._starts = {}
        for number, (row, line) in enumerate(self._lines):
            if line == 0:
                self._starts[row.key] = number
        self.virtual_size = Size(width, len(self._lines))
        if self._following:
            self.scroll_end(animate=False, immediate=True, force=True)
        elif anchor is not None and anchor[0] in self._starts:
            self.scroll_to(y=self._starts[anchor[0]] + anchor[1], animate=False, force=True)
        self.refresh()
        self._ask_for_older()

    def render_line(self, y: int) -> Strip:
        """See `Widget.render_line`."""
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        row, line = self._lines[number]
        style = self.rich_style
        if row.key == self._pointed and self.has_focus:
            style += self.get_component_rich_style("history--pointed", partial=True)
        return Strip(_segments(row.lines[line], style, self.app.console)).crop_extend(0, width, style)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """See `ScrollView.watch_scroll_y`."""
        super().watch_scroll_y(old_value, new_value)
        self._following = new_value >= self.max_scroll_y - 1
        if new_value < old_value:
            self._ask_for_older()

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        self.call_after_refresh(self.update)

    def on_focus(self) -> None:
        """Point at the newest."""
        if self.pointed is None:
            self.action_point(-1)
        self.refresh()

    def on_blur(self) -> None:
        """Point at nothing."""
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Point with the mouse."""
        number = self.scroll_offset.y + event.y
        if 0 <= number < len(self._lines) and self._lines[number][0].selectable:
            self._pointed = self._lines[number][0].key
            self.refresh()

    def action_point(self, step: int) -> None:
        """Point at the message before or after."""
        keys = [row.key for row in self._rows if row.selectable]
        if not keys:
            return
        position = keys.index(self._pointed) + step if self._pointed in keys else len(keys) - 1
        self._pointed = keys[max(0, min(position, len(keys) - 1))]
        if position < 0:
            self.scroll_home(animate=False)
        else:
            self._show_pointed()
        self.refresh()

    def action_page(self, direction: int) -> None:
        """Scroll by a page, and point at what is there then."""
        height = max(1, self.scrollable_content_region.height - 1)
        target = max(0, min(self.scroll_offset.y + direction * height, int(self.max_scroll_y)))
        self.scroll_to(y=target, animate=False)
        visible = [row.key for row, _ in self._lines[target : target + height] if row.selectable]
        if visible:
            self._pointed = visible[0] if direction < 0 else visible[-1]
        self.refresh()

    def action_oldest(self) -> None:
        """Go to the top of what is there."""
        self.scroll_home(animate=False)

    def action_newest(self) -> None:
        """Go to the end, and stay there."""
        self._following, self._pointed = True, ""
        self.action_point(1)
        self.scroll_end(animate=False, immediate=True, force=True)

    def _show_pointed(self) -> None:
        row = self.pointed
        if row is None:
            return
        start, height = self._starts[row.key], self.scrollable_content_region.height
        if start < self.scroll_offset.y:
            self.scroll_to(y=start, animate=False)
        elif start + len(row.lines) > self.scroll_offset.y + height:
            self.scroll_to(y=start + len(row.lines) - height, animate=False)

    def _anchor(self) -> tuple[str, int] | None:
        """What stands in the first line, and which of its lines."""
        for row, line in self._lines[self.scroll_offset.y :]:
            if row.selectable:
                return row.key, line - self._above(row, line)
        return None

    def _above(self, row: Row, line: int) -> int:
        return self._starts[row.key] + line - self.scroll_offset.y

    def _ask_for_older(self) -> None:
        if self.scroll_offset.y <= _NEAR_TOP and self._timeline is not None and self._timeline.loaded:
            self.post_message(self.NearTop())


def _segments(line: Text, style: Style, console: Console) -> list[Segment]:
    return [
        Segment(segment.text, style + segment.style if segment.style else style)
        for segment in line.render(console, end="")
        if segment.text
    ]
