"""A timeline as lines of styled text, for any width.

A message stands under its author's name and the time; what the same person adds within a few minutes follows without them.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from gateway.terminal.outgoing import Delivery, Outgoing
from gateway.terminal.text import clean, colour_of, one_line, styled
from gateway.terminal.timeline import Answer, Entry, Note, Timeline
from gateway.terminal.wire import Message

_TOGETHER: Final = timedelta(minutes=5)
_INDENT: Final = 2
_LEAST: Final = 8
"""Columns for text, however narrow the terminal is."""
_QUOTED: Final = 60

_DELIVERY: Final = {
    Delivery.WAITING: "waiting for the connection",
    Delivery.SENDING: "sending…",
    Delivery.FAILED: "not sent",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One thing in a timeline and its lines. `key` names it across changes; `kind` tells what can be done with it."""

    key: str
    kind: str
    lines: tuple[Text, ...]

    @property
    def selectable(self) -> bool:
        """Whether it can be pointed at: messages, and posts under way."""
        return self.kind in {"message", "outgoing"}


@dataclass(frozen=True, slots=True)
class _Before:
    """What stands above a message, and so decides whether it needs a heading."""

    author: str = ""
    at: datetime | None = None


class Renderer:
    """Makes rows, and keeps those whose entry and width have not changed. Times are shown in `zone`, None is the machine's."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._console = Console(file=io.StringIO(), width=80)
        self._rows: dict[str, tuple[Any, Row]] = {}

    def rows(self, timeline: Timeline, width: int) -> list[Row]:
        """The whole timeline for `width` columns, oldest first."""
        used: dict[str, tuple[Any, Row]] = {}
        rows = []
        for key, kind, basis, make in self._parts(timeline):
            whole = (width, *basis)
            known = self._rows.get(key)
            if known is None or known[0] != whole:
                known = (whole, Row(key, kind, tuple(self._wrapped(make(), width))))
            used[key] = known
            rows.append(known[1])
        self._rows = used
        return rows

    def _parts(self, timeline: Timeline) -> Iterator[tuple[str, str, tuple[Any, ...], Any]]:
        """Of each row: key, kind, what it depends on, and what makes its blocks of text (an indent and a text)."""
        if timeline.loaded:
            begins = f"This is where {one_line(timeline.name)} begins" if timeline.beginning else "↑ more above"
            yield "top", "note", (begins,), lambda: [(0, Text(begins, "dim italic"))]
        before = _Before()
        day: date | None = None
        for entry in timeline.entries:
            at = _at(entry).astimezone(self._zone)
            if at.date() != day:
                day = at.date()
                yield f"day:{day}", "day", (day,), lambda at=at: [(0, Text(_day(at), "bold dim"))]
                before = _Before()
            if isinstance(entry, Note):
                text = f"· {one_line(entry.text)} ({at:%H:%M})"
                yield f"note:{entry.offset}", "note", (text,), lambda text=text: [(0, Text(text, "dim"))]
                before = _Before()
                continue
            headed = entry.author.id != before.author or before.at is None or at - before.at > _TOGETHER
            quoted = timeline.message(entry.reply_to)
            basis = (entry, headed, quoted, at, timeline.me)
            yield (
                f"message:{entry.id}",
                "message",
                basis,
                lambda entry=entry, headed=headed, quoted=quoted, at=at: _message_blocks(
                    entry, at, quoted, headed=headed, me=timeline.me
                ),
            )
            before = _Before(entry.author.id, at)
        for answer in timeline.answers.values():
            so_far = (answer.text, answer.index)
            yield f"answer:{answer.id}", "answer", so_far, lambda answer=answer: _answer_blocks(answer)
        for post in timeline.outbox.posts:
            state = (post.text, post.delivery, post.problem)
            yield f"outgoing:{post.client_id}", "outgoing", state, lambda post=post: _outgoing_blocks(post)
        if timeline.ended:
            text = f"You are not in this room any more: {one_line(timeline.ended)}"
            yield "end", "note", (text,), lambda text=text: [(0, Text(text, "bold red"))]

    def _wrapped(self, blocks: list[tuple[int, Text]], width: int) -> Iterator[Text]:
        for indent, text in blocks:
            for line in text.wrap(self._console, max(_LEAST, width - indent), overflow="fold"):
                line.rstrip()
                yield Text(" " * indent) + line


def _message_blocks(
    message: Message, at: datetime, quoted: Message | None, *, headed: bool, me: str
) -> list[tuple[int, Text]]:
    blocks = [(0, _heading(message.author.name, message.author.id, f"{at:%H:%M}"))] if headed else []
    if message.reply_to is not None:
        blocks.append((_INDENT, _quote(quoted)))
    if message.deleted_at is not None:
        return [*blocks, (_INDENT, Text("deleted", "dim italic"))]
    translation = message.translation
    text = styled(message.text if translation is None else translation.text)
    if message.edited_at is not None:
        text.append(" (edited)", "dim")
    if message.author.id == me:
        text.append(" ✓", "dim green")
    if me in message.mentions:
        text.stylize("bold")
    blocks.append((_INDENT, text))
    if translation is not None and translation.text != message.text:
        blocks.append((_INDENT, Text(f"⇄ {plain(message.text, _QUOTED)}", "dim italic")))
    if message.reactions:
        reactions = "  ".join(f"{one_line(emoji)} {len(who)}" for emoji, who in message.reactions.items())
        blocks.append((_INDENT, Text(reactions, "dim")))
    return blocks


def _answer_blocks(answer: Answer) -> list[tuple[int, Text]]:
    author = answer.author
    name, who = (author.name, author.id) if author is not None else ("An agent", "")
    text = styled(answer.text)
    text.append("▍", "blink")
    return [(0, _heading(name, who, "answering…")), (_INDENT, text)]


def _outgoing_blocks(post: Outgoing) -> list[tuple[int, Text]]:
    failed = post.delivery is Delivery.FAILED
    state = _DELIVERY[post.delivery] + (f": {one_line(post.problem)}" if post.problem else "")
    text = styled(post.text)
    text.stylize("dim")
    text.append(f"  {state}", "bold red" if failed else "italic yellow")
    return [(_INDENT, text)]


def _heading(name: str, who: str, when: str) -> Text:
    return Text.assemble((one_line(name), f"bold {colour_of(who)}"), "  ", (when, "dim"))


def _quote(quoted: Message | None) -> Text:
    if quoted is None:
        return Text("↱ an earlier message", "dim italic")
    text = plain(quoted.text, _QUOTED) if quoted.deleted_at is None else "deleted"
    return Text(f"↱ {one_line(quoted.author.name)}: {text}", "dim italic")


def _day(at: datetime) -> str:
    return f"── {at:%A}, {at.day} {at:%B %Y} ──"


def _at(entry: Entry) -> datetime:
    return entry.at if isinstance(entry, Note) else entry.created_at


def plain(text: str, most: int) -> str:
    """A text's first words on one line, for places that hold only a little."""
    short = one_line(clean(text)[: 4 * most])
    return short if len(short) <= most else short[: most - 1] + "…"
