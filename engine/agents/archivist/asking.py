"""What is asked of the archivist: questions in English and German; of anything else, the words to look for.

| asked                                          | understood as                              |
| ---------------------------------------------- | ------------------------------------------ |
| what did konrad say about the Z1 yesterday?    | quotes: by Konrad, with `z1`, of yesterday |
| who mentioned a nanosecond?                    | people: with `nanosecond`                  |
| summarize the last two hours                   | a summary of that time                     |
| how many messages did ada write today?         | a number                                   |
| who is here?                                   | the members                                |
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final, NamedTuple

from engine.agents.names import names, spoken
from engine.agents.turn import Turn
from engine.domain.people import Participant


class Wish(Enum):
    """What kind of answer is wanted."""

    QUOTES = auto()
    PEOPLE = auto()
    SUMMARY = auto()
    NUMBER = auto()
    MEMBERS = auto()
    HELP = auto()


class Period(NamedTuple):
    """From `since` to `until` (exclusive); `name` is what it was called, in both languages."""

    since: datetime
    until: datetime
    english: str
    german: str


class Asked(NamedTuple):
    """A question, understood. `authors` are those that it names; `words` what is to be looked for, in the order of the text."""

    wish: Wish
    german: bool
    authors: tuple[Participant, ...]
    words: tuple[str, ...]
    period: Period | None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH: Final = _words(
    "a about all am an and any anybody anyone anything are as ask asked at be been but by can could did do does else ever everybody "
    "everyone everything for from get give had has have he hello her here hey hi him his how i in into is it its just know last many "
    "me mean mention mentioned message messages much my news of on or our people person please post posted posts recap remember "
    "reported said say saying says see she show since so some somebody someone something speak spoke still summarise summarize "
    "summary talk talked talking tell that the their them there they thing things think this those thought till to told topic "
    "until up us was we were what whats when where which who whom whose why will wish with word words would write writes wrote "
    "written you your"
)
_GERMAN: Final = _words(
    "aber alle allem allen alles als also am an auch auf aus bei beim bin bis bist bitte da damals dann das dass daß davon dazu dem "
    "den denn der des die dir doch du durch ein eine einem einen einer eines er erwähnt erwähnte es etwas euch für fasse gab gefallen "
    "geht genannt geredet gesagt geschrieben gesprochen gewesen ging gibt hab habe haben hallo hat hatte hatten hier ich ihm ihn ihr "
    "ihre im in irgendwer irgendwas ist ja jemand kann kannst können letzte letzten man mal mehr mein meinte mich mir mit nach "
    "nachricht nachrichten nein nicht nichts noch nun nur ob oder passiert sag sage sagen sagt sagte schon schreiben schrieb seit sich sie "
    "sind so thema über um und uns unser unter viel viele vom von vor wann war waren warum was weil welche welcher welches wem wen "
    "wer werden weshalb wie wieso wieviel wird wo worüber worum wurde würde wurden zeig zeige zu zum zur zusammen zusammenfassen "
    "zusammenfassung"
)
"""Words that questions are made of; which of the two lists has more of a text says its language."""
COMMON: Final = _ENGLISH | _GERMAN
"""Words that say little of what a text is about."""
_BOTH: Final = _ENGLISH & _GERMAN

_WORD: Final = re.compile(r"[^\W_](?:[\w'\u2019-]*[^\W_])?")
_SUMMARY: Final = re.compile(
    r"\b(?:summari[sz]e|summary|recap|catch me up|what (?:has )?happened|what did i miss|what'?s new|what was discussed|"
    r"zusammenfass\w*|fasse?\b.*\bzusammen|was (?:ist|war) (?:hier )?(?:passiert|los)|was habe? ich verpasst|worum ging|"
    r"was gibt(?:'s| es) neues)"
)
_NUMBER: Final = re.compile(r"\b(?:how many|how often|how much|wie ?viele?|wie oft|anzahl)\b")
_MEMBERS: Final = re.compile(
    r"\b(?:who(?:'s| is| are)\s+(?:all\s+)?(?:here|there|in (?:this|the)|the members|a member|everyone)|members\b|participants\b|"
    r"wer (?:ist|sind) (?:alle[s]? |noch )?(?:hier|da|in diesem|im raum|dabei)|mitglieder\b|teilnehmer\w*)"
)
_HELP: Final = (("help",), ("hilfe",))
_WHO: Final = re.compile(r"^\W*(?:\w+\W+){0,2}?(?:who|wer|von wem)\b")
_AGO: Final = re.compile(
    r"\b(?:last|past|previous|letzte[nr]?|vergangene[nr]?)\s+(?P<number>\d{1,3}|two|three|zwei|drei)?\s*"
    r"(?P<unit>minute|hour|day|week|month|stunde|tag|woche|monat)\w*"
)
_NUMBERS: Final = {"two": 2, "three": 3, "zwei": 2, "drei": 3}
_UNITS: Final = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "stunde": timedelta(hours=1),
    "day": timedelta(days=1),
    "tag": timedelta(days=1),
    "week": timedelta(weeks=1),
    "woche": timedelta(weeks=1),
    "month": timedelta(days=30),
    "monat": timedelta(days=30),
}
_DAY: Final = re.compile(
    r"\b(?P<today>today|heute)\b|\b(?P<yesterday>yesterday|gestern)\b|\b(?P<week>(?:this week|diese[r]? woche))\b"
)
_DATE: Final = re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b")


def read(turn: Turn, authors: Iterable[tuple[Participant, str | None]]) -> Asked:
    """Understand a question. `authors` are those whom it may name, with how they are mentioned."""
    text = spoken(turn.message.text).lower().replace("\u2019", "'")
    period, text = _period(text, turn.now)
    called = [(person, username) for person, username in authors if _is_called(turn.message.text, person, username)]
    found = tuple(dict.fromkeys(person for person, _ in called if person.id != turn.agent.id))
    taken = _names_of([(turn.agent.participant, turn.agent.name), *called])
    said = _WORD.findall(text)
    about = _WORD.findall(_SUMMARY.sub(" ", text))
    words = tuple(dict.fromkeys(word for word in about if word not in taken and word not in COMMON))
    return Asked(_wish(text, words, found, period), _is_german(said, turn.language), found, words, period)


def _wish(text: str, words: tuple[str, ...], authors: tuple[Participant, ...], period: Period | None) -> Wish:
    if _SUMMARY.search(text):
        return Wish.SUMMARY
    if _NUMBER.search(text):
        return Wish.NUMBER
    if not words and not authors and _MEMBERS.search(text):
        return Wish.MEMBERS
    if words in _HELP or not (words or authors):
        return Wish.SUMMARY if period is not None else Wish.HELP
    if _WHO.search(text) and words and not authors:
        return Wish.PEOPLE
    return Wish.QUOTES


def _is_called(text: str, person: Participant, username: str | None) -> bool:
    """By the whole name, the username, or the first of several names."""
    first = person.name.split()[0] if person.name.split() else ""
    return names(text, person.name, first, username or "")


def _names_of(called: Iterable[tuple[Participant, str | None]]) -> set[str]:
    taken: set[str] = set()
    for person, username in called:
        for name in (person.name, username or ""):
            taken.update(word.lower() for word in _WORD.findall(name))
            taken.update(f"{word.lower()}'s" for word in _WORD.findall(name))
    return taken


def _is_german(words: list[str], language: str | None) -> bool:
    german = sum(word in _GERMAN and word not in _BOTH for word in words)
    english = sum(word in _ENGLISH and word not in _BOTH for word in words)
    if german == english:
        return language is not None and language.lower().partition("-")[0] == "de"
    return german > english


def _period(text: str, now: datetime) -> tuple[Period | None, str]:
    """The time that a text names, and the text without it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day, tomorrow = timedelta(days=1), midnight + timedelta(days=1)
    if ago := _AGO.search(text):
        number = _NUMBERS.get(ago["number"] or "") or int(ago["number"] or 1)
        since = now - number * _UNITS[ago["unit"]]
        english = f"since {since:%Y-%m-%d %H:%M} UTC"
        return Period(since, tomorrow, english, f"seit {since:%d.%m.%Y %H:%M} UTC"), _without(text, ago)
    if found := _DAY.search(text):
        if found["today"]:
            return Period(midnight, tomorrow, "today", "heute"), _without(text, found)
        if found["yesterday"]:
            return Period(midnight - day, midnight, "yesterday", "gestern"), _without(text, found)
        monday = midnight - midnight.weekday() * day
        return Period(monday, tomorrow, "this week", "diese Woche"), _without(text, found)
    if found := _DATE.search(text):
        try:
            since = midnight.replace(year=int(found["year"]), month=int(found["month"]), day=int(found["day"]))
        except ValueError:
            return None, text
        return Period(since, since + day, f"on {since:%Y-%m-%d}", f"am {since:%d.%m.%Y}"), _without(text, found)
    return None, text


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"
