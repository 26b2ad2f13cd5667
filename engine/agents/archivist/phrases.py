"""The archivist's own words, in English and German; other languages are for the translators."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.agents.archivist.asking import Asked
from engine.domain.messages import Message
from engine.domain.people import Participant

QUOTED: Final = 280
"""Characters of a quote."""
_MONTHS: Final = (
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."),
)


class Phrases:
    """Says things in one of the two languages. `now` decides what is today."""

    def __init__(self, *, german: bool, now: datetime) -> None:
        self._german = german
        self._now = now

    @property
    def language(self) -> str:
        """BCP 47."""
        return "de" if self._german else "en"

    def _say(self, english: str, german: str) -> str:
        return german if self._german else english

    def when(self, moment: datetime) -> str:
        """A moment, in UTC."""
        days = (self._now.date() - moment.date()).days
        if days == 0:
            return self._say(f"today, {moment:%H:%M} UTC", f"heute, {moment:%H:%M} UTC")
        if days == 1:
            return self._say(f"yesterday, {moment:%H:%M} UTC", f"gestern, {moment:%H:%M} UTC")
        month = _MONTHS[self._german][moment.month - 1]
        return self._say(
            f"{moment.day} {month} {moment.year}, {moment:%H:%M} UTC",
            f"{moment.day}. {month} {moment.year}, {moment:%H:%M} UTC",
        )

    def quote(self, message: Message) -> str:
        """One message, in one line."""
        text = " ".join(message.text.split())
        if len(text) > QUOTED:
            text = text[: QUOTED - 1].rstrip() + "…"
        said = self._say(f"\u201c{text}\u201d", f"\u201e{text}\u201c")
        return f"- **{message.author.name}**, {self.when(message.created_at)}: {said}\n"

    def found(self, asked: Asked, number: int) -> str:
        """What stands above quotes."""
        who, about, time = self._who(asked.authors), self._about(asked), self._time(asked)
        if self._german:
            head = f"Von {who} habe ich" if asked.authors else "Ich habe"
            return f"{head}{about}{time} {self._times(number)} gefunden:\n"
        head = f"{who} said" if asked.authors else "This was said"
        return f"{head}{about}{time} ({self._times(number)}):\n"

    def nothing(self, asked: Asked) -> str:
        """When there is nothing to quote."""
        who, about, time = self._who(asked.authors), self._about(asked), self._time(asked)
        if self._german:
            by = f" von {who}" if asked.authors else ""
            return f"Dazu habe ich hier nichts gefunden: nichts{by}{about}{time}."
        by = f" by {who}" if asked.authors else ""
        return f"I have found nothing here{by}{about}{time}."

    def more(self, number: int) -> str:
        """That there are others, not shown."""
        return self._say(f"… and {number} more.", f"… und {number} weitere.")

    def speakers(self, asked: Asked, people: Sequence[tuple[Participant, int]]) -> str:
        """Who has said something, and how often."""
        counted = ", ".join(f"{person.name} ({number})" for person, number in people)
        about, time = self._about(asked), self._time(asked)
        return self._say(f"Said{about}{time} by: {counted}.\n", f"Gesagt{about}{time} von: {counted}.\n")

    def number(self, asked: Asked, number: int, *, more: bool) -> str:
        """How many messages there are; `more`: at least."""
        least = self._say("at least ", "mindestens ") if more else ""
        who, about, time = self._who(asked.authors), self._about(asked), self._time(asked)
        if self._german:
            by = f" von {who}" if asked.authors else ""
            return f"{least}{self._times(number)}{by}{about}{time}."
        by = f" by {who}" if asked.authors else ""
        return f"{least}{self._times(number)}{by}{about}{time}."

    def members(self, people: Sequence[str]) -> str:
        """Who is here."""
        listed = ", ".join(people)
        return self._say(f"{len(people)} are members here: {listed}.", f"Hier sind {len(people)} Mitglieder: {listed}.")

    def summary(self, asked: Asked, number: int, people: Sequence[tuple[Participant, int]]) -> str:
        """What stands above a summary."""
        counted = ", ".join(f"{person.name} ({count})" for person, count in people)
        time = self._time(asked) or self._say(" lately", " zuletzt")
        return self._say(
            f"{self._times(number)}{time}, by {counted}. Most telling:\n",
            f"{self._times(number)}{time}, von {counted}. Das Wichtigste:\n",
        )

    def help(self, name: str) -> str:
        """What can be asked."""
        return self._say(
            f"I look things up in what was said here. Ask me, for example:\n"
            f"- @{name} what did Ada say about apples yesterday?\n"
            f"- @{name} who mentioned apples?\n"
            f"- @{name} summarize the last 2 hours\n"
            f"- @{name} how many messages did Ada write today?\n"
            f"- @{name} who is here?\n",
            f"Ich schlage nach, was hier gesagt wurde. Zum Beispiel:\n"
            f"- @{name} was hat Ada gestern über Äpfel gesagt?\n"
            f"- @{name} wer hat Äpfel erwähnt?\n"
            f"- @{name} fasse die letzten 2 Stunden zusammen\n"
            f"- @{name} wie viele Nachrichten hat Ada heute geschrieben?\n"
            f"- @{name} wer ist hier?\n",
        )

    def _times(self, number: int) -> str:
        if self._german:
            return "1 Nachricht" if number == 1 else f"{number} Nachrichten"
        return "1 message" if number == 1 else f"{number} messages"

    def _who(self, authors: Sequence[Participant]) -> str:
        return self._say(" and ", " und ").join(each.name for each in authors)

    def _about(self, asked: Asked) -> str:
        if not asked.words:
            return ""
        words = " ".join(asked.words)
        return self._say(f" about \u201c{words}\u201d", f" zu \u201e{words}\u201c")

    def _time(self, asked: Asked) -> str:
        if asked.period is None:
            return ""
        return " " + self._say(asked.period.english, asked.period.german)
