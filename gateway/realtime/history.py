"""The protocol's `history`: a channel's publications, forwards or backwards from a position."""

from typing import TYPE_CHECKING, Final

from engine.domain.people import Principal
from engine.timelines.commands import Window
from gateway.realtime import protocol
from gateway.realtime.rpc import timeline_of

if TYPE_CHECKING:
    from engine.timelines.directory import Timelines

_END: Final = 2**63 - 1
"""After this offset there is nothing: asked for, it gives the position alone, without a read from the log."""


async def read_history(
    timelines: "Timelines", by: Principal, client: str, request: protocol.HistoryRequest, most: int
) -> bytes | None:
    """The result of `history`, with at most `most` publications; None when `since` names another life of the log.

    Of the translations it has those into the language in which the client listens, or else into that of the account.

    As in Centrifuge: forwards are the publications after `since`, else from the beginning; backwards those before `since`,
    else from the end, newest first. Limit 0 gives the position only, -1 as many as there may be.
    """
    ref = timeline_of(timelines, request.channel)
    limit = most if request.limit < 0 else min(request.limit, most)
    since = request.since

    async def read(after: int, at_most: int) -> Window:
        return await timelines.events(ref, by, since=after, limit=at_most, reading=by.language, client=client)

    forwards = limit > 0 and not request.reverse
    start = (since.offset if since is not None else 0) if forwards else _END
    window = await read(start, max(1, limit))
    if since is not None and since.epoch and since.epoch != window.epoch:
        return None
    items = list(window.publications) if forwards else []
    if limit > 0 and request.reverse:
        end = window.offset if since is None else min(since.offset - 1, window.offset)
        while end > 0 and len(items) < limit:
            start = max(0, end - limit)
            page = await read(start, end - start)
            items += (each for each in reversed(page.publications) if each.offset is not None and each.offset <= end)
            end = start
    return protocol.history_result(items[:limit], (window.offset, window.epoch))
