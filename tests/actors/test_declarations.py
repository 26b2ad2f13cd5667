"""An actor class that is declared wrongly is refused when it is made, not when a message comes."""

from typing import Any

import msgspec
import pytest

from actors import Actor, ActorSystem, Call, DeclarationError, Message, handles


class Ping(Message["Pinged", str], frozen=True):
    text: str = ""


class Pong(Message["Pinged", str], frozen=True):
    number: int = 0


class Pinged(Actor):
    @handles(Ping)
    async def ping(self, message: Ping) -> str:
        return f"ping {message.text}"

    @handles(Pong, batch=8)
    async def pong(self, calls: list[Call[Pong, str]]) -> None:
        for call in calls:
            call.answer(f"pong of {len(calls)}")


class Louder(Pinged):
    async def ping(self, message: Ping) -> str:
        return (await super().ping(message)).upper()


class Deaf(Message["Unheard", None], frozen=True):
    pass


class Unheard(Actor):
    pass


def test_a_handler_is_made_for_a_message_class() -> None:
    with pytest.raises(DeclarationError, match="takes a Message class"):
        handles(int)  # type: ignore[arg-type]


def test_a_handler_is_an_async_method() -> None:
    with pytest.raises(DeclarationError, match="async def"):

        @handles(Ping)  # type: ignore[arg-type]
        def ping(_: Any, __: Ping) -> str:
            return ""


def test_an_override_of_a_handler_is_an_async_method() -> None:
    with pytest.raises(DeclarationError, match="async def"):

        class Quiet(Pinged):
            def ping(self, message: Ping) -> str:  # type: ignore[override]
                return ""


def test_a_batch_is_at_least_one() -> None:
    with pytest.raises(DeclarationError, match="at least 1"):
        handles(Ping, batch=-1)


def test_two_handlers_for_one_message_are_refused() -> None:
    with pytest.raises(DeclarationError, match="two handlers for Ping"):

        class Twice(Pinged):
            @handles(Ping)  # type: ignore[arg-type]
            async def one(self, _: Ping) -> str:
                return ""

            @handles(Ping)  # type: ignore[arg-type]
            async def two(self, _: Ping) -> str:
                return ""


@pytest.mark.anyio
async def test_an_actor_that_lacks_a_handler_is_not_started() -> None:
    async with ActorSystem("declared") as system:
        with pytest.raises(DeclarationError, match="no handler for Deaf"):
            await system.spawn(Unheard, "unheard")


@pytest.mark.anyio
async def test_a_subclass_inherits_handlers_and_overrides_them_by_name() -> None:
    async with ActorSystem("declared") as system:
        actor = await system.spawn(Louder, "louder")

        assert await actor.ask(Ping("pong")) == "PING PONG"
        assert await actor.ask(Pong()) == "pong of 1"


def test_a_union_of_messages_decodes_by_tag() -> None:
    encoded = msgspec.json.encode([Ping("a"), Pong(2)])

    assert msgspec.json.decode(encoded, type=list[Ping | Pong]) == [Ping("a"), Pong(2)]
