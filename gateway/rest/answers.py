"""Answers in progress, over REST: what does not want to be live can still end one."""

from typing import Final

from actors import Ref
from engine.domain.fields import AnswerId
from engine.domain.people import Principal
from engine.timelines.answer_commands import CancelAnswer
from engine.timelines.shared import SharedTimeline
from gateway.rest.endpoints import Endpoint, post
from gateway.rest.shared import shared


async def cancel_answer(by: Principal, timeline: Ref[SharedTimeline], answer_id: AnswerId) -> None:
    """End an answer that is being written. What it says so far is kept as a message that is `partial`."""
    await timeline.ask(CancelAnswer(by, answer_id))


ENDPOINTS: Final[tuple[Endpoint, ...]] = shared(
    post, "/answers/{answer_id}/cancel", cancel_answer, tag="Messages", status=204, problems=("conflict",)
)
