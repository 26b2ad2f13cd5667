"""Reading files that people bring: text, Markdown and PDF, cut into parts.

    parts = await read_file(data, DocumentType.PDF)

A file from outside may be made to take hours or all memory. So each is read in a process of its own, under limits, which ends with it;
the server's event loop does nothing but wait.
"""

from engine.reading.reader import Unreadable, read_file

__all__ = ["Unreadable", "read_file"]
