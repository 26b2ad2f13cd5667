"""How a command is asked of the engine, and how its answer becomes the reply."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from actors import Answer, Ref
from actors import Message as ActorMessage
from actors.errors import ActorError
from engine.errors import EngineError
from gateway.realtime import protocol
from gateway.realtime.codes import ErrorReply, error_of
from gateway.realtime.outbox import Outbox

Spawn = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Runs something in a task that ends with the connection."""


class Answers:
    """Writes the one reply that each command gets. `timeout` in seconds bounds the wait for an actor.

    `of_channel` everywhere: the command names a channel and nothing in it (see `codes.error_of`).
    """

    __slots__ = ("_outbox", "_spawn", "_timeout")

    def __init__(self, outbox: Outbox, spawn: Spawn, *, timeout: float) -> None:
        self._outbox = outbox
        self._spawn = spawn
        self._timeout = timeout

    def reply(self, command_id: int, kind: bytes, result: bytes = b"{}") -> None:
        """The command succeeded."""
        self._outbox.reply(protocol.reply(command_id, kind, result))

    def refuse(self, command_id: int, problem: ErrorReply) -> None:
        """The command did not."""
        self._outbox.reply(protocol.error(command_id, problem))

    def ask(
        self,
        command_id: int,
        kind: bytes,
        message: Callable[[], tuple[Ref[Any], ActorMessage[Any, Any]]],
        encode: Callable[[Any], bytes],
        *,
        of_channel: bool = True,
    ) -> None:
        """Send one message to one actor; `encode` makes the result of its answer, when it comes. No task, no waiting.

        Messages to one actor are handled, and so answered, in the order of these calls.
        """
        try:
            ref, asked = message()
            ref.request(asked, partial(self._answered, command_id, kind, encode, of_channel), timeout=self._timeout)
        except (EngineError, ActorError) as problem:
            self.refuse(command_id, error_of(problem, of_channel=of_channel))

    def later(self, command_id: int, work: Callable[[], Coroutine[Any, Any, None]], *, of_channel: bool = True) -> None:
        """Run what takes more than one message in a task; it replies by itself, unless it fails."""

        async def bounded() -> None:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001 - the boundary of a command: error_of logs what nobody declared
                self.refuse(command_id, error_of(problem, of_channel=of_channel))

        self._spawn(bounded)

    def _answered(
        self,
        command_id: int,
        kind: bytes,
        encode: Callable[[Any], bytes],
        of_channel: bool,  # noqa: FBT001 - bound by position, above
        answer: Answer[Any],
    ) -> None:
        try:
            reply = protocol.reply(command_id, kind, encode(answer.result()))
        except Exception as problem:  # noqa: BLE001 - inside the actor's turn nothing may be raised; error_of logs
            reply = protocol.error(command_id, error_of(problem, of_channel=of_channel))
        self._outbox.reply(reply)
