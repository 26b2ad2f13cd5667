"""What the type checkers must see: mypy and pyright read this file, nobody runs it.

An ignore comment stands for an error that both must report; one that is not needed fails the check.
"""

from typing import Any, assert_type

from actors import Actor, Answer, Call, Message, Ref, VirtualActors, handles


class Posted:
    """The answer to a post."""


class Post(Message["Room", Posted], frozen=True):
    text: str


class Typing(Message["Room", None], frozen=True):
    user: str


class Ban(Message["AdminRoom", bool], frozen=True):
    user: str


class Told(Message["Room", None], frozen=True):
    answer: Any


class Leave(Message["Door", None], frozen=True):
    pass


class Room(Actor):
    door: Ref["Door"]

    @handles(Post, batch=8)
    async def post(self, calls: list[Call[Post, Posted]]) -> None:
        for call in calls:
            call.answer(Posted())
            call.answer("not posted")  # type: ignore[arg-type]

    @handles(Typing)
    async def typing(self, message: Typing) -> None:
        door: Ref[Door] = self.door
        self.request(door, Leave(), Told)
        self.request(door, Leave(), lambda _: Leave())  # type: ignore[arg-type,return-value]

    @handles(Told)
    async def told(self, message: Told) -> None:
        pass


class AdminRoom(Room):
    @handles(Ban)
    async def ban(self, message: Ban) -> bool:
        return True


class Door(Actor):
    @handles(Leave)
    async def leave(self, message: Leave) -> None:
        pass


class WrongRoom(Room):
    @handles(Post)  # type: ignore[arg-type]
    async def answers_with_a_number(self, message: Post) -> int:
        return 1


async def answers_are_inferred(room: Ref[Room]) -> None:
    assert_type(await room.ask(Post("hello")), Posted)
    assert_type(await room.ask(Typing("ada")), None)
    text: str = await room.ask(Post("hello"))  # type: ignore[arg-type]
    del text


async def messages_of_other_actors_are_errors(room: Ref[Room]) -> None:
    room.tell(Post("hello"))
    room.tell(Leave())  # type: ignore[arg-type]
    await room.ask(Ban("ada"))  # type: ignore[arg-type]


async def a_subclass_receives_what_its_base_receives(admin: Ref[AdminRoom]) -> None:
    assert_type(await admin.ask(Post("hello")), Posted)
    assert_type(await admin.ask(Ban("ada")), bool)
    room: Ref[Room] = admin
    room.tell(Typing("ada"))


def a_base_is_not_its_subclass(room: Ref[Room]) -> Ref[AdminRoom]:
    return room  # type: ignore[return-value]


def callbacks_are_typed(room: Ref[Room]) -> None:
    def posted(answer: Answer[Posted]) -> None:
        assert_type(answer.result(), Posted)

    def counted(answer: Answer[int]) -> None:
        pass

    room.request(Post("hello"), posted)
    room.request(Post("hello"), counted)  # type: ignore[arg-type]


def families_give_typed_references(rooms: VirtualActors[Room]) -> None:
    assert_type(rooms.ref("42"), Ref[Room])
