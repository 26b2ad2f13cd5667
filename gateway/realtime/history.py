"""The protocol's `history`: a channel's publications, forwards or backwards from a position."""

from typing import TYPE_CHECKING, Final

from engine.domain.people import Principal
from gateway.realtime import protocol
from gateway.realtime.rpc import timeline_of

if TYPE_CHECKING:
    from engine.timelines.directory import Timelines

_END: Final = 2**63 - 1
"""After this offset there is nothing: asked for, it gives the position alone, without a read from the log."""


async def read_history(
    timelines: "Timelines", by: Principal, request: protocol.HistoryRequest, most: int
) -> bytes | None:
    """The result of `history`, with at most `most` publications; None when `since` names another life of the log.

    As in Centrifuge: forwards are the publications after `since`, else from the beginning; backwards those before `since`,
    else from the end, newest first. Limit 0 gives the position only, -1 as many as there may be.
    """
    ref = timeline_of(timelines, request.channel)
    limit = most if request.limit < 0 else min(request.limit, most)
    since = request.since
    forwards = limit > 0 and not request.reverse
    start = (since.offset if since is not None else 0) if forwards else _END
    window = await timelines.events(ref, by, since=start, limit=max(1, limit))
    if since is not None and since.epoch and since.epoch != window.epoch:
        return None
    items = window.publications if forwards else ()
    if limit > 0 and request.reverse:
        end = window.offset if since is None else min(since.offset - 1, window.offset)
        start = max(0, end - limit)
        if end > start:
            page = await timelines.events(ref, by, since=start, limit=end - start)
            items = tuple(reversed(page.publications))
    return protocol.history_result(items, (window.offset, window.epoch))
