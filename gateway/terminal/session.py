"""Someone signed in: their timelines, kept up to date over REST and the connection.

`run` does everything that waits, in one task group; what the connection reports is applied at once, where it is reported. After
each change `changed` is called with the channel, None for everything else; it must not raise.
"""

import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from gateway.client import connection as link
from gateway.client.connection import CallFailed, Connection, Link
from gateway.client.remote import Refused, SignedOut, Unreachable
from gateway.terminal.outgoing import Delivery, Outgoing
from gateway.terminal.rest import Rest
from gateway.terminal.timeline import Timeline
from gateway.terminal.wire import Account, Member, Message, MessagePage, Room, read

_PAGE: Final = 50
_ROOMS: Final = 200
"""Rooms that are looked at for one's membership."""
_FOLLOWED: Final = 50
"""Timelines followed from the start. After a reconnection all of them subscribe at once, and the server admits 60 commands."""
_AT_ONCE: Final = 4
_TRY_AGAIN: Final = 2.0
"""Seconds before a post that was refused for a passing reason goes out a second time."""


class Session:
    """The timelines by channel, and what can be done in them."""

    def __init__(self, rest: Rest, me: Account, changed: Callable[[str | None], None]) -> None:
        self.me = me
        self.rest = rest
        self.timelines: dict[str, Timeline] = {}
        self.link = Link.CONNECTING
        self.reason = ""
        """Why there is no connection."""
        self.signed_out = False
        self.complete = False
        """Whether one's timelines have been found."""
        self._changed = changed
        self._connection = Connection(rest, self._hear, name="gathering-terminal")
        self._tasks: TaskGroup | None = None
        self._settling: set[str] = set()
        self._reading: set[str] = set()
        self._posting: set[str] = set()

    async def run(self) -> None:
        """Stay connected until cancelled, or signed out."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                await self._connection.connect()
                await self._retried(self._discover)
                self.complete = True
                self._changed(None)
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                await self._connection.close()

    # -- timelines -----------------------------------------------------------------------------------------------------

    async def enter(self, room: Room, *, member: bool = True) -> Timeline:
        """A room's timeline, followed from now on; joins the room first unless one is a `member`. `Refused`, `Unreachable`."""
        if not member:
            room = await self.rest.join(room.id)
        timeline = self._add(room.channel, room.name)
        timeline.describe(room)
        timeline.ended = ""
        await self._follow(timeline)
        return timeline

    async def leave(self, channel: str) -> None:
        """Stop being a member of a room. `Refused`, `Unreachable`."""
        await self._connection.unsubscribe(channel)
        try:
            await self.rest.leave(channel.removeprefix("room:"))
        except (Refused, Unreachable):
            await self._connection.subscribe(channel)
            raise
        self.timelines.pop(channel, None)
        self._changed(None)

    async def find(self, name_or_id: str) -> Timeline | None:
        """One's own timeline, or a public room that is joined for it; None when there is no such room."""
        wanted = name_or_id.casefold()
        for timeline in self.timelines.values():
            if timeline.name.casefold() == wanted or timeline.channel.partition(":")[2] == wanted:
                return timeline
        rooms = await self.rest.rooms(name_or_id[:100])
        with suppress(Refused):
            rooms.append(await self.rest.room(name_or_id))
        for room in rooms:
            if wanted in {room.name.casefold(), room.id}:
                return await self.enter(room, member=False)
        return None

    def watch(self, channel: str) -> None:
        """Show one timeline and no other."""
        for timeline in self.timelines.values():
            if timeline.watched != (timeline.channel == channel):
                timeline.watch(watched=timeline.channel == channel)
        timeline = self.timelines[channel]
        if channel not in self._connection.channels:
            self._start(lambda: self._follow(timeline))
        if not timeline.loaded:
            self._start(lambda: self._read(timeline, newest=True))
        self._start(lambda: self._look_around(timeline))
        self._changed(channel)

    def read_older(self, channel: str) -> None:
        """Read the page of history before what is there; does nothing when there is none, or it is on its way."""
        timeline = self.timelines[channel]
        if timeline.loaded and not timeline.beginning and channel not in self._reading:
            self._start(lambda: self._read(timeline))

    # -- messages ------------------------------------------------------------------------------------------------------

    def post(self, channel: str, text: str, reply_to: str | None = None) -> None:
        """Say something: it is shown at once, and sent as soon as there is a connection."""
        timeline = self.timelines[channel]
        timeline.outbox.add(Outgoing(uuid.uuid4().hex, text, datetime.now(UTC), reply_to))
        self._touch(timeline)
        self._send(timeline)

    def retry(self, channel: str, client_id: str) -> None:
        """Send a post again that was refused."""
        timeline = self.timelines[channel]
        if timeline.outbox.retry(client_id):
            self._touch(timeline)
            self._send(timeline)

    def discard(self, channel: str, client_id: str) -> None:
        """Throw a post away that was refused."""
        timeline = self.timelines[channel]
        if timeline.outbox.discard(client_id):
            self._touch(timeline)

    async def edit(self, channel: str, message_id: str, text: str) -> None:
        """Say something else instead. `CallFailed`."""
        await self._change("edit", channel, message_id, "message.edited", text=text)

    async def delete(self, channel: str, message_id: str) -> None:
        """Take a message back. `CallFailed`."""
        await self._change("delete", channel, message_id, "message.deleted")

    async def _change(self, method: str, channel: str, message_id: str, event: str, **more: str) -> None:
        answer = await self._connection.call(method, {"timeline": channel, "message_id": message_id, **more})
        timeline = self.timelines[channel]
        if isinstance(answer, dict):
            timeline.apply({"type": event, "message": answer.get("message")})
        self._touch(timeline)

    # -- what waits ----------------------------------------------------------------------------------------------------

    async def _discover(self) -> None:
        """Find the timelines one belongs to."""
        counted = await self.rest.unread()
        counts = {each.timeline_id: each.unread for each in counted or ()}
        mine: list[Room] = []
        looking = anyio.CapacityLimiter(_AT_ONCE)

        async def look(room: Room) -> None:
            async with looking:
                if await self._is_member(room):
                    mine.append(room)

        rooms = await self.rest.rooms(most=_ROOMS)
        if counted is None:
            async with anyio.create_task_group() as tasks:
                for room in rooms:
                    tasks.start_soon(look, room)
        else:
            mine += [room for room in rooms if room.id in counts]
            for missing in {each.timeline_id for each in counted if each.kind == "room"} - {room.id for room in mine}:
                mine.append(await self.rest.room(missing))
        for room in sorted(mine, key=lambda room: room.name.casefold()):
            self._add(room.channel, room.name, counts.get(room.id, 0)).describe(room)
        for talk in await self.rest.conversations():
            self._add(talk.channel, talk.name_for(self.me.id), counts.get(talk.id, 0))
        for timeline in list(self.timelines.values())[:_FOLLOWED]:
            await self._follow(timeline)

    async def _is_member(self, room: Room) -> bool:
        try:
            members = await self.rest.members(room.id)
        except Refused as refused:
            if refused.status in {403, 404}:
                return False
            raise
        return any(member.participant.id == self.me.id for member in members)  # administrators see all rooms

    async def _follow(self, timeline: Timeline) -> None:
        if timeline.channel not in self._connection.channels:
            self._settling.add(timeline.channel)
            self._changed(None)
            await self._connection.subscribe(timeline.channel)

    async def _read(self, timeline: Timeline, *, newest: bool = False) -> None:
        """Read a page of history: the newest, or the one before what is there."""
        if timeline.channel in self._reading:
            return
        self._reading.add(timeline.channel)
        try:
            cursor = {} if newest or timeline.oldest is None else {"before": timeline.oldest}
            language = {} if self.me.language is None else {"language": self.me.language}
            asked = {"timeline": timeline.channel, "limit": _PAGE, **cursor, **language}
            answer = await self._connection.call("history", asked)
            if (page := read(MessagePage, answer)) is not None:
                timeline.read_page(page, newest=newest)
        except CallFailed as failed:
            if failed.final:
                timeline.ended = str(failed)
        finally:
            self._reading.discard(timeline.channel)
        self._touch(timeline)

    async def _look_around(self, timeline: Timeline) -> None:
        """Who belongs to a timeline, and who of them is there."""
        kind, _, identifier = timeline.channel.partition(":")
        with suppress(Refused, Unreachable, CallFailed):
            if kind == "room":
                timeline.people.replace(await self.rest.members(identifier))
            answer = await self._connection.call("presence", {"timeline": timeline.channel})
            clients = answer.get("clients", []) if isinstance(answer, dict) else []
            timeline.people.connected({str(each["client"]): str(each["user"]) for each in clients})
        self._touch(timeline)

    def _send(self, timeline: Timeline) -> None:
        if timeline.channel not in self._posting and timeline.outbox.next() is not None:
            self._posting.add(timeline.channel)
            self._start(lambda: self._send_all(timeline))

    async def _send_all(self, timeline: Timeline) -> None:
        """Send what waits, one after the other, for as long as there is a connection."""
        try:
            while self._is_live(timeline) and (post := timeline.outbox.next()) is not None:
                post.delivery = Delivery.SENDING
                self._touch(timeline)
                await self._send_one(timeline, post)
                self._touch(timeline)
        finally:
            self._posting.discard(timeline.channel)

    async def _send_one(self, timeline: Timeline, post: Outgoing, *, again: bool = False) -> None:
        draft: dict[str, Any] = {"timeline": timeline.channel, "text": post.text, "client_id": post.client_id}
        if post.reply_to is not None:
            draft["reply_to"] = post.reply_to
        try:
            answer = await self._connection.call("post", draft)
        except CallFailed as failed:
            if failed.interrupted and not self._is_live(timeline):
                timeline.outbox.interrupted(post.client_id)
            elif failed.final or again:
                timeline.outbox.refused(post.client_id, str(failed))
            else:
                await anyio.sleep(_TRY_AGAIN)
                await self._send_one(timeline, post, again=True)
            return
        message = read(Message, answer.get("message")) if isinstance(answer, dict) else None
        if message is not None:
            timeline.posted(message)
        timeline.outbox.sent(post.client_id)

    async def _retried(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do what needs the server until it succeeds; a lost sign-in ends it."""
        while True:
            try:
                return await step()
            except SignedOut:
                return self._end(str(self.reason))
            except (Refused, Unreachable) as error:
                self.reason = str(error)
                self._changed(None)
                await anyio.sleep(_TRY_AGAIN)

    # -- what the connection reports -----------------------------------------------------------------------------------

    def _hear(self, signal: link.Signal) -> None:
        match signal:
            case link.Connected():
                self.reason = ""
                self._settling &= self._connection.channels
                self._settle()
            case link.Lost():
                if self.link is not Link.CONNECTING:
                    self.link = Link.RECOVERING
                self._settling |= self._connection.channels
            case link.Unsuccessful(reason=reason):
                if self.link is not Link.LIVE:
                    self.link, self.reason = Link.OFFLINE, reason
            case link.Ended(reason=reason, signed_out=signed_out):
                self.link, self.reason = Link.OFFLINE, reason
                if signed_out:
                    self._end(reason)
            case link.Subscribed(channel=channel) | link.Unsubscribed(channel=channel):
                self._hear_subscription(channel, signal)
            case link.Event(channel=channel, data=dict() as data, offset=offset):
                self._hear_event(channel, data, offset)
            case link.Presence():
                self._hear_presence(signal)
            case _:
                return
        self._changed(None)

    def _hear_presence(self, signal: link.Presence) -> None:
        timeline = self.timelines.get(signal.channel)
        if timeline is not None:
            if signal.there:
                timeline.people.came(signal.client, signal.user)
            else:
                timeline.people.went(signal.client)
            self._touch(timeline)

    def _hear_subscription(self, channel: str, signal: link.Subscribed | link.Unsubscribed) -> None:
        self._settling.discard(channel)
        timeline = self.timelines.get(channel)
        if timeline is not None and isinstance(signal, link.Subscribed):
            self._welcome(timeline, signal)
        elif timeline is not None:
            timeline.ended = signal.reason if isinstance(signal, link.Unsubscribed) else ""
            self._start(lambda: self._connection.unsubscribe(channel))
            self._touch(timeline)
        self._settle()

    def _welcome(self, timeline: Timeline, signal: link.Subscribed) -> None:
        """A timeline is live, for the first time or again."""
        data = signal.data if isinstance(signal.data, dict) else {}
        if signal.missed:
            timeline.forget()
        if (room := read(Room, data.get("room"))) is not None:
            timeline.describe(room)
        if (members := read(list[Member], data.get("members"))) is not None:
            timeline.people.replace(members)
        timeline.answers.clear()
        for answer in data.get("answers") or ():
            if isinstance(answer, dict):
                timeline.apply({**answer, "type": "answer.started"})
        if timeline.watched:
            if not timeline.loaded:
                self._start(lambda: self._read(timeline, newest=True))
            self._start(lambda: self._look_around(timeline))
        self._touch(timeline)
        self._send(timeline)

    def _hear_event(self, channel: str, data: dict[str, Any], offset: int) -> None:
        timeline = self.timelines.get(channel)
        if timeline is not None:
            timeline.apply(data, offset)
            self._touch(timeline)
        elif channel == f"user:{self.me.id}" and data.get("type") == "invited":
            kind, identifier = str(data.get("kind")), str(data.get("timeline_id"))
            if kind in {"room", "conversation"}:
                invited = self._add(f"{kind}:{identifier}", str(data.get("name") or kind.title()))
                self._start(lambda: self._follow(invited))

    # -- small things --------------------------------------------------------------------------------------------------

    def _add(self, channel: str, name: str, unread: int = 0) -> Timeline:
        timeline = self.timelines.get(channel)
        if timeline is None:
            timeline = self.timelines[channel] = Timeline(channel, name, self.me.id)
            timeline.unread = unread
        return timeline

    def _is_live(self, timeline: Timeline) -> bool:
        return self.link in {Link.LIVE, Link.RECOVERING} and timeline.channel not in self._settling

    def _settle(self) -> None:
        """Live is when everything followed is subscribed again."""
        self.link = Link.RECOVERING if self._settling else Link.LIVE

    def _end(self, reason: str) -> None:
        self.signed_out, self.reason = True, reason
        self._changed(None)

    def _touch(self, timeline: Timeline) -> None:
        timeline.version += 1
        self._changed(timeline.channel)

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(work)
