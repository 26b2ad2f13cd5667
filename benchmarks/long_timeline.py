"""A room with a long history, written straight into the tables."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Table, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from engine.domain.events import MessagePosted
from engine.domain.fields import MessageId, ParticipantId, ParticipantKind, TimelineId
from engine.domain.messages import Message
from engine.domain.people import Participant
from engine.storage.sql.engine import create_migration_engine, parse_url
from engine.storage.sql.projections import Projection
from engine.storage.sql.tables import events, messages

RARE: Final = "zanzibar"
"""A word in every 50,000th message."""
PHRASE: Final = "see you tomorrow"
"""In every hundredth."""
_CHUNK: Final = 10_000
_BEGAN: Final = datetime(2025, 1, 1, tzinfo=UTC)
_EVERY: Final = timedelta(seconds=30)
_FIRST: Final = 2
"""The offset of the first message, behind the event of the room."""

_WORDS: Final = {
    "en": "of and to in a is that for it was on are with they be at have this from or had by but some what there we can out "
    "other all your when use word how said each she which do their time if will way about many then them would write like "
    "so these her long make thing see him two has look more day could go come did my sound no most number who over know "
    "water than call first people may down side been now find meeting release review deploy ticket customer lunch coffee",
    "de": "der die das und ist nicht ein zu haben ich werden sie von mit dem für auf sich auch wir kann aber nach wenn noch "
    "wie über einen so zum war Häuser Straße Besprechung morgen heute Kaffee Kunde Termin größer später schön Büro",
    "fr": "le la les et est un une pour que dans ce il qui ne sur se pas plus par avec réunion demain café très été même "
    "là où client bureau déjà après problème équipe",
    "ru": "и в не на я быть он что это по но они мы этот который из то за свой весь год от так для ты же встреча "
    "завтра сегодня работа вопрос",
    "ja": "今日は 会議が あります 東京に 行きます ありがとう 明日 確認して ください 資料を 送りました 了解です 大阪で 電車が",
    "zh": "今天 我们 开会 明天 北京 上海 客户 需要 确认 谢谢 好的 文件 已经 发送 没有 问题 可以 午饭",
}
_LANGUAGES: Final = ("en",) * 10 + ("de",) * 4 + ("fr",) * 2 + ("ru",) * 2 + ("ja", "zh")
_UNUSUAL: Final = 200_000
"""How many words there are that stand in a few messages only: names, numbers, typing errors."""


class Timeline(NamedTuple):
    """A room whose owner says so many things."""

    id: str
    owner: str
    messages: int


async def fill(url: str, timeline: Timeline) -> None:
    """Write the messages and their events, then ANALYZE."""
    engine = create_migration_engine(parse_url(url))
    made = _said(timeline)
    try:
        async with engine.begin() as connection:
            index = ""
            if connection.dialect.name == "postgresql":
                index = (await connection.scalar(text("SELECT pg_get_indexdef('ix_messages_words'::regclass)"))) or ""
                await connection.execute(text("DROP INDEX ix_messages_words"))
            while chunk := list(islice(made, _CHUNK)):
                projection = Projection(TimelineId(timeline.id), chunk)
                await _write(connection, events, projection.events)
                await _write(connection, messages, projection.messages)
            if index:
                await connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
                await connection.execute(text(index))
            await connection.execute(text("ANALYZE"))
    finally:
        await engine.dispose()


async def _write(connection: AsyncConnection, into: Table, rows: list[dict[str, Any]]) -> None:
    if connection.dialect.name != "postgresql":
        await connection.execute(insert(into), rows)
        return
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    columns = list(rows[0])
    records = [tuple(row[name] for name in columns) for row in rows]
    await raw.copy_records_to_table(into.name, records=records, columns=columns)


def _said(timeline: Timeline) -> Iterator[MessagePosted]:
    chance = random.Random(4)
    author = Participant(ParticipantId(timeline.owner), ParticipantKind.USER, "historian")
    words = {language: spoken.split() for language, spoken in _WORDS.items()}
    for number in range(timeline.messages):
        offset, at = number + _FIRST, _BEGAN + number * _EVERY
        language = chance.choice(_LANGUAGES)
        message = Message(
            id=MessageId(message_id(offset)),
            timeline_id=TimelineId(timeline.id),
            offset=offset,
            author=author,
            text=_text(chance, language, words[language], number),
            language=language,
            created_at=at,
        )
        yield MessagePosted(offset=offset, at=at, actor=author.id, message=message)


def _text(chance: random.Random, language: str, words: list[str], number: int) -> str:
    said = chance.choices(words, k=chance.randint(3, 20))
    if language == "en" and chance.random() < 2 / 3:
        said.insert(chance.randrange(len(said)), "the")
    if chance.random() < 1 / 3:
        said.append(f"w{int(_UNUSUAL * chance.random() ** 2)}")
    if number % 100 == 0:
        said += PHRASE.split()
    if number % 50_000 == 0:
        said.append(RARE)
    return "".join(said) if language in {"ja", "zh"} else " ".join(said) + chance.choice([".", "!", "?", ""])


def message_id(offset: int) -> str:
    """Of the message at an offset: a UUIDv7 of its time."""
    number = offset - _FIRST
    at = _BEGAN + number * _EVERY
    digits = f"{int(at.timestamp() * 1000):012x}7000{0x8000:04x}{number:012x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
