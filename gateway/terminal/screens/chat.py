"""The chat itself: rooms at the left, messages in the middle, members at the right."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message as Notice
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static

from gateway.client.connection import CallFailed
from gateway.client.remote import Refused, Unreachable
from gateway.terminal.lines import plain
from gateway.terminal.rest import Rest
from gateway.terminal.screens.dialogs import Confirm, FindRoom, Keys, NewRoom
from gateway.terminal.session import Session
from gateway.terminal.text import one_line
from gateway.terminal.timeline import Timeline
from gateway.terminal.widgets.composer import Composer
from gateway.terminal.widgets.history import History
from gateway.terminal.widgets.lists import Members, Timelines
from gateway.terminal.widgets.status import Status
from gateway.terminal.wire import Account, Message


class Chat(Screen[None]):
    """Shows a session, and turns keys into what is asked of it."""

    DEFAULT_CSS = """
    Chat #context { height: auto; max-height: 2; padding: 0 1; color: $text-muted; display: none; }
    Chat #context.-shown { display: block; }
    Chat.-narrow Timelines, Chat.-medium Members, Chat.-narrow Members { display: none; }
    Chat.-hide-rooms Timelines, Chat.-hide-members Members { display: none; }
    Chat.-narrow.-show-rooms Timelines { display: block; width: 20; }
    Chat.-medium.-show-members Members, Chat.-narrow.-show-members Members { display: block; width: 18; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-medium"), (96, "-wide")]  # noqa: RUF012 - as in Screen
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "keys", "Keys", priority=True),
        Binding("ctrl+o", "find", "Rooms", priority=True),
        Binding("ctrl+n", "create", "New room", priority=True),
        Binding("ctrl+g", "next_unread", "Unread", priority=True),
        Binding("alt+up", "step(-1)", "Room before", show=False, priority=True),
        Binding("alt+down", "step(1)", "Room after", show=False, priority=True),
        Binding("ctrl+r", "toggle_side('rooms')", "Show rooms", show=False, priority=True),
        Binding("ctrl+b", "toggle_side('members')", "Members", priority=True),
        Binding("f8", "leave", "Leave", show=False, priority=True),
        Binding("escape", "write", "Write", show=False),
        Binding("r", "reply", "Reply", show=False),
        Binding("e", "edit", "Edit", show=False),
        Binding("d,delete", "delete", "Delete", show=False),
        Binding("t", "retry", "Try again", show=False),
        Binding("ctrl+q", "app.quit", "Quit", priority=True),
    ]

    class SignedOut(Notice):
        """The sign-in is over."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    class _Changed(Notice):
        """The session has changed, once or often."""

    def __init__(self, rest: Rest, me: Account, room: str | None) -> None:
        super().__init__()
        self.session = Session(rest, me, self._session_changed)
        self._wanted = room
        self._current = ""
        self._dirty = False
        self._replying: Message | None = None
        self._editing: Message | None = None

    @property
    def timeline(self) -> Timeline | None:
        """The one that is open."""
        return self.session.timelines.get(self._current)

    def compose(self) -> ComposeResult:
        """See `Widget.compose`."""
        yield Status()
        with Horizontal():
            yield Timelines()
            with Vertical():
                yield History()
                yield Static(id="context", markup=False)
                yield Composer()
            yield Members()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Connect."""
        self.query_one(Composer).focus()
        self.run_worker(self.session.run(), name="session", exit_on_error=True)
        self._session_changed(None)

    # -- showing -------------------------------------------------------------------------------------------------------

    def _session_changed(self, _: str | None) -> None:
        """Show the changes soon: one update for all that come until then."""
        if not self._dirty:
            self._dirty = True
            self.post_message(self._Changed())

    @on(_Changed)
    def _update(self) -> None:
        self._dirty = False
        session = self.session
        if session.signed_out:
            self.post_message(self.SignedOut(session.reason or "you have been signed out"))
            return
        if self._wanted is not None and session.complete:
            wanted, self._wanted = self._wanted, None
            self._find(wanted)
        elif not self._current and session.complete and self._wanted is None and session.timelines:
            self.open(next(iter(session.timelines)))
        if self._current not in session.timelines:
            self._current = ""
        self.query_one(Timelines).update_list(session.timelines.values(), self._current)
        self.query_one(Status).update_status(session, self.timeline)
        if self.timeline is not None:
            self.query_one(Members).update_list(self.timeline.people)
        self.query_one(History).update()

    def open(self, channel: str) -> None:
        """Show a timeline."""
        if channel not in self.session.timelines:
            return
        if channel != self._current:
            self._current = channel
            self._answer_to(None)
            self.query_one(History).show_timeline(self.session.timelines[channel])
        self.session.watch(channel)

    # -- writing -------------------------------------------------------------------------------------------------------

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        timeline = self.timeline
        if timeline is None:
            self.query_one(Composer).text = event.text
            self._say("Join a room first: Ctrl+O")
            return
        if (editing := self._editing) is not None:
            self._act(lambda: self.session.edit(timeline.channel, editing.id, event.text))
        else:
            self.session.post(timeline.channel, event.text, self._replying.id if self._replying else None)
            self.query_one(History).action_newest()
        self._answer_to(None)

    @on(Composer.EditLast)
    def _edit_last(self) -> None:
        if self.timeline is not None and (message := self.timeline.last_own()) is not None:
            self._begin_editing(message)

    @on(Composer.Left)
    def _left_composer(self) -> None:
        if self._editing is not None or self._replying is not None:
            if self._editing is not None:
                self.query_one(Composer).clear()
            self._answer_to(None)
        else:
            self.query_one(History).focus()

    def action_write(self) -> None:
        """Back to the field."""
        self.query_one(Composer).focus()

    def action_reply(self) -> None:
        """Answer the message pointed at."""
        if (message := self._pointed_message()) is not None and message.deleted_at is None:
            self._answer_to(message)
            self.query_one(Composer).focus()

    def action_edit(self) -> None:
        """Change the message pointed at, if it is one's own."""
        message = self._pointed_message()
        if message is not None and message.deleted_at is None and message.author.id == self.session.me.id:
            self._begin_editing(message)

    @work
    async def action_delete(self) -> None:
        """Take the message pointed at back, or throw away one that was not sent."""
        timeline, message, client_id = self.timeline, self._pointed_message(), self._pointed_post()
        if timeline is not None and client_id is not None:
            self.session.discard(timeline.channel, client_id)
        elif timeline is not None and message is not None and message.deleted_at is None:  # noqa: SIM102 - a question
            if await self.app.push_screen_wait(Confirm(f"Delete “{plain(message.text, 30)}”?")):
                self._act(lambda: self.session.delete(timeline.channel, message.id))

    def action_retry(self) -> None:
        """Send the message pointed at again."""
        client_id = self._pointed_post()
        if client_id is not None:
            self.session.retry(self._current, client_id)

    def _begin_editing(self, message: Message) -> None:
        self._answer_to(None)
        self._editing = message
        composer = self.query_one(Composer)
        composer.text = message.text
        composer.move_cursor(composer.document.end)
        composer.focus()
        self._show_context(f"Editing: {plain(message.text, 60)} (Esc: leave it as it is)")

    def _answer_to(self, message: Message | None) -> None:
        self._replying, self._editing = message, None
        self._show_context(
            f"Reply to {one_line(message.author.name)}: {plain(message.text, 50)} (Esc: no)" if message else ""
        )

    def _show_context(self, words: str) -> None:
        context = self.query_one("#context", Static)
        context.update(Text(words, "italic"))
        context.set_class(bool(words), "-shown")

    def _pointed_message(self) -> Message | None:
        row = self.query_one(History).pointed
        if row is None or row.kind != "message" or self.timeline is None:
            return None
        return self.timeline.message(row.key.partition(":")[2])

    def _pointed_post(self) -> str | None:
        row = self.query_one(History).pointed
        return row.key.partition(":")[2] if row is not None and row.kind == "outgoing" else None

    @on(History.NearTop)
    def _read_older(self) -> None:
        if self._current:
            self.session.read_older(self._current)

    # -- rooms ---------------------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected, "#timelines")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self.open(event.option_id)
            self.query_one(Composer).focus()

    def action_step(self, step: int) -> None:
        """Go to the room before or after."""
        channels = list(self.session.timelines)
        if channels:
            position = channels.index(self._current) + step if self._current in channels else 0
            self.open(channels[position % len(channels)])

    def action_next_unread(self) -> None:
        """Go to the next room with something unread."""
        channels = list(self.session.timelines)
        start = channels.index(self._current) + 1 if self._current in channels else 0
        for channel in channels[start:] + channels[:start]:
            if self.session.timelines[channel].unread:
                self.open(channel)
                return
        self._say("Nothing is unread")

    @work
    async def action_find(self) -> None:
        """Choose a room, joining it where one is not a member."""
        chosen = await self.app.push_screen_wait(FindRoom(self.session))
        if chosen is not None:
            room, mine = chosen
            await self._enter(lambda: self.session.enter(room, member=mine))

    @work
    async def action_create(self) -> None:
        """Open a room."""
        answer = await self.app.push_screen_wait(NewRoom())
        if answer is not None:
            name, description, private = answer

            async def create() -> Timeline:
                room = await self.session.rest.create_room(name, description, private=private)
                return await self.session.enter(room)

            await self._enter(create)

    @work
    async def action_leave(self) -> None:
        """Leave the open room."""
        timeline = self.timeline
        if timeline is None or not timeline.channel.startswith("room:"):
            return
        if await self.app.push_screen_wait(Confirm(f"Leave {one_line(timeline.name)}?")):
            self._act(lambda: self.session.leave(timeline.channel))

    @work
    async def _find(self, wanted: str) -> None:
        async def find() -> Timeline:
            timeline = await self.session.find(wanted)
            if timeline is None:
                raise Refused(404, "not_found", f"there is no room {wanted}")
            return timeline

        await self._enter(find)

    async def _enter(self, way: Callable[[], Awaitable[Timeline]]) -> None:
        try:
            timeline = await way()
        except (Refused, Unreachable) as problem:
            self._say(str(problem))
            self._session_changed(None)
            return
        self.open(timeline.channel)
        self.query_one(Composer).focus()

    # -- the rest ------------------------------------------------------------------------------------------------------

    def action_toggle_side(self, side: str) -> None:
        """Show or hide a list; which of it, depends on whether there was room for it."""
        shown = self.query_one("#timelines" if side == "rooms" else "#members").region.width > 0
        self.set_class(shown, f"-hide-{side}")
        self.set_class(not shown, f"-show-{side}")

    def action_keys(self) -> None:
        """Show all keys."""
        self.app.push_screen(Keys())

    @work
    async def _act(self, work_to_do: Callable[[], Awaitable[None]]) -> None:
        try:
            await work_to_do()
        except (CallFailed, Refused, Unreachable) as problem:
            self._say(str(problem))

    def _say(self, words: str) -> None:
        self.notify(one_line(words), markup=False)
