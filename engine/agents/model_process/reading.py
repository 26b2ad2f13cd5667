"""What the process does: it has models answer, as it is told, and tells what they say."""

from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress

import anyio
import structlog
from anyio.abc import ByteStream, TaskGroup

from engine.agents.model_process.telling import Outlet, Telling
from engine.agents.model_process.wire import Ask, Hello, Leave, More, Order, Ping, Pong, Ready
from engine.agents.models.failures import FailureCode, ModelFailed
from engine.agents.models.models import Opener
from engine.processes.framing import Messages
from engine.processes.sending import Sending

log = structlog.get_logger(__name__)


async def read_models(
    stream: ByteStream,
    messages: Messages[Order],
    used: Iterable[str],
    open_model: Opener,
    *,
    gone: Callable[[], object],
) -> None:
    """Do what the server says, until it has `gone`; then everything under way is left. The models in `used` are opened at once."""
    async with anyio.create_task_group() as tasks:
        sending = Sending(stream)
        outlet = Outlet(sending)
        reading = Reading(open_model, outlet, tasks)
        tasks.start_soon(sending.write)
        tasks.start_soon(outlet.keep_time)
        outlet.put(Ready())
        for name in used:
            tasks.start_soon(reading.open, name)
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                for order in messages.feed(await stream.receive()):
                    reading.obey(order)
        gone()
        tasks.cancel_scope.cancel()


class Reading:
    """The answers under way."""

    def __init__(self, open_model: Opener, outlet: Outlet, tasks: TaskGroup) -> None:
        self._open_model = open_model
        self._outlet = outlet
        self._tasks = tasks
        self._answers: dict[int, tuple[Telling, anyio.CancelScope]] = {}

    def obey(self, order: Order) -> None:
        """Do what the server says."""
        match order:
            case Ask():
                telling, scope = Telling(order.id, self._outlet), anyio.CancelScope()
                self._answers[order.id] = telling, scope
                self._tasks.start_soon(self._answer, order, telling, scope)
            case More(id=answer_id, taken=taken):
                if answer_id in self._answers:
                    self._answers[answer_id][0].taken(taken)
            case Leave(id=answer_id):
                if answer_id in self._answers:
                    self._answers[answer_id][1].cancel()
            case Ping():
                self._outlet.put(Pong())
            case Hello():
                raise ValueError("the server has said hello already")

    async def _answer(self, ask: Ask, telling: Telling, scope: anyio.CancelScope) -> None:
        failure = None
        try:
            with scope:
                model = await self._open_model(ask.model)
                if ask.prompt is not None:
                    async with aclosing(model.stream(ask.prompt)) as pieces:
                        async for piece in pieces:
                            await telling.say(piece)
        except ModelFailed as known:
            failure = known
        except Exception as error:  # noqa: BLE001 - a boundary: it is this answer's failure alone
            log.error("model.failed", model=ask.model, error=type(error).__name__)  # noqa: TRY400 - a traceback may quote
            failure = ModelFailed(FailureCode.FAILED, f"the model failed with {type(error).__name__}")
        finally:
            del self._answers[ask.id]
        telling.end(failure)

    async def open(self, name: str) -> None:
        """Open a model before somebody asks it."""
        with suppress(ModelFailed):  # whoever asks for it is told
            await self._open_model(name)
