"""What full-text search keeps beside the tables, each database in its own way and by itself; made by the migration `0005_search`.

It is not part of the metadata, for neither has it in common with the other.

* SQLite: the FTS5 table `message_search`, without a copy of the texts. Its rowid is the timeline's number (`timeline_numbers`) times
  2^32 plus the message's offset: so a timeline's messages are one range of rowids, which FTS5 walks from its end.
  Beginnings of words, of up to seven characters, are indexed like words (`0012_beginnings`); for a longer one FTS5 reads all
  that begins so before its first row. (Seven are how `words.py` spells a single character of a script without spaces.)
* PostgreSQL: the generated column `messages.words` under a GIN index. Beside the words it holds three marks to narrow a search:
  the timeline (`@12345678`), each 4,096 offsets of it (`@12345678/17`), and the first six digits of the message's id, which are
  its time (`#0190a0`: some four and a half hours).

What agents remember is searched alike (`0011_memories`), and is so little that nothing narrows the search: SQLite's `memory_search`
has the number of a memory as its rowid; PostgreSQL has the generated column `memories.words`, whose marks nobody looks for. So are the
documents of agents (`0014_documents`): `chunk_search`, and `document_chunks.words`.

Triggers and the generated column follow every change of `messages.text` and `messages.search_text` in its transaction. A migration
that builds SQLite's `messages` anew must create its triggers again.
"""

from collections.abc import Mapping
from typing import Any, Final

BLOCK_BITS: Final = 12
"""Offsets of one mark: 2 to this power."""
OFFSET_BITS: Final = 32
"""Bits of an FTS5 rowid that are the offset."""

_OWN_TABLES: Final = ("message_search", "timeline_numbers", "memory_search", "chunk_search")
_OWN = frozenset(
    (table, *own)
    for table in ("messages", "memories", "document_chunks")
    for own in (("column", "words"), ("index", f"ix_{table}_words"))
)


def include_name(name: str | None, kind: str, parents: Mapping[Any, str | None]) -> bool:
    """Whether something in the database is to be compared with the metadata (for Alembic, which asks for every name)."""
    if kind == "table" and name is not None and name.startswith(_OWN_TABLES):
        return False
    return (parents.get("table_name"), kind, name) not in _OWN
