"""A line to a model, both of its ends in one process and in virtual time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio

from engine.agents.model_process.line import Answer, Line
from engine.agents.model_process.reading import read_models
from engine.agents.model_process.wire import orders
from engine.agents.models import FailureCode, ModelFailed, Piece, Text
from engine.agents.models.prompt import ChatModel
from engine.traffic import Traffic
from tests.support.ends import ends
from tests.support.scripted_model import ScriptedModel, prompt


@asynccontextmanager
async def line_to(model: ScriptedModel, traffic: Traffic | None = None) -> AsyncIterator[Line]:
    """A line, and at its other end what reads this model. What comes of it gives way to `traffic`."""

    async def open_model(name: str) -> ChatModel:
        if name != "the:model":
            raise ModelFailed(FailureCode.NOT_CONFIGURED, f"no {name}")
        return model

    here, there = ends()
    line = Line(here, traffic or Traffic())
    async with there, anyio.create_task_group() as over_there:
        over_there.start_soon(lambda: read_models(there, orders(), (), open_model, gone=lambda: None))
        async with here, anyio.create_task_group() as carrying:
            carrying.start_soon(line.carry)
            yield line
            line.close()


def ask(line: Line) -> Answer:
    """Ask that model something."""
    return line.ask("the:model", prompt())


async def taken(answer: Answer, pause: float = 0.0) -> list[tuple[float, Piece]]:
    """The pieces of an answer, and when each came; after each the taker rests."""
    came: list[tuple[float, Piece]] = []
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            came.append((anyio.current_time(), piece))
            await anyio.sleep(pause)
    return came


def said(came: Sequence[tuple[float, Piece]]) -> str:
    """The words among them."""
    return "".join(piece.text for _, piece in came if isinstance(piece, Text))
