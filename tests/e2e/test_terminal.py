"""The terminal client, driven by its keys, against a real server that is killed and started again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList
from yarl import URL

from gateway.client.connection import Link
from gateway.terminal.app import TerminalChat
from gateway.terminal.screens.chat import Chat
from gateway.terminal.screens.dialogs import FindRoom
from gateway.terminal.screens.sign_in import SignIn
from gateway.terminal.widgets.composer import Composer
from gateway.terminal.widgets.history import History
from gateway.terminal.widgets.lists import Timelines
from tests.support.server import GatheringServer

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
def server(sqlite_url: str) -> Iterator[GatheringServer]:
    with GatheringServer(sqlite_url, commands_per_second=1000, commands_burst=1000) as server:
        yield server


class Someone:
    """Another person, over REST."""

    def __init__(self, session: aiohttp.ClientSession, server: GatheringServer) -> None:
        self._session = session
        self._api = f"{server.http}/api/v1"
        self._headers: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, str]:
        async with self._session.request(method, self._api + path, json=body, headers=self._headers) as response:
            assert response.status < 300, await response.text()
            return dict(await response.json())

    async def arrive(self, name: str) -> None:
        await self.ask(
            "POST", "/auth/register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        )
        answer = await self.ask("POST", "/auth/login", {"login": name, "password": PASSWORD})
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    async def room(self, name: str) -> str:
        return (await self.ask("POST", "/rooms", {"name": name}))["id"]

    async def say(self, room: str, text: str) -> None:
        await self.ask("POST", f"/rooms/{room}/messages", {"text": text})


@pytest.fixture
async def ada(session: aiohttp.ClientSession, server: GatheringServer) -> Someone:
    someone = Someone(session, server)
    await someone.arrive("ada")
    return someone


@pytest.fixture
async def bob(session: aiohttp.ClientSession, server: GatheringServer) -> Someone:
    someone = Someone(session, server)
    await someone.arrive("bob")
    return someone


class Terminal:
    """What a person sees and presses."""

    def __init__(self, app: TerminalChat, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def chat(self) -> Chat:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, Chat))

    @property
    def history(self) -> str:
        return self.chat.query_one(History).text

    async def until(self, condition: Callable[[], bool], *, limit: float = 60) -> None:
        with anyio.fail_after(limit):
            while not condition():
                await self.pilot.pause(0.02)

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in self.history)

    async def say(self, text: str) -> None:
        self.chat.query_one(Composer).focus()
        self.chat.query_one(Composer).insert(text)
        await self.pilot.press("enter")


@asynccontextmanager
async def terminal(
    server: GatheringServer, *, room: str | None = None, login: str = "ada", size: tuple[int, int] = (110, 30)
) -> AsyncIterator[Terminal]:
    app = TerminalChat(URL(server.http), login=login, password=PASSWORD if login else "", room=room)
    before = asyncio.all_tasks()
    async with app.run_test(size=size) as pilot:
        seen = Terminal(app, pilot)
        if login:
            await seen.until(lambda: isinstance(app.screen, Chat) and app.screen.session.link is Link.LIVE)
            if room is not None:
                await seen.until(lambda: seen.chat.timeline is not None and seen.chat.timeline.loaded)
        yield seen
    with anyio.move_on_after(5):  # the client closes its socket in a task of its own
        while asyncio.all_tasks() - before:  # noqa: ASYNC110 - it offers nothing to wait for
            await anyio.sleep(0.01)


async def test_a_new_person_signs_up_opens_a_room_and_writes(server: GatheringServer) -> None:
    async with terminal(server, login="") as seen:
        await seen.until(lambda: isinstance(seen.app.screen, SignIn))
        await seen.pilot.press("f2")
        for field, value in (("login", "eve"), ("email", "eve@example.org"), ("password", PASSWORD)):
            seen.app.screen.query_one(f"#{field}", Input).value = value
        seen.app.screen.query_one("#password", Input).focus()
        await seen.pilot.press("enter")
        await seen.until(lambda: isinstance(seen.app.screen, Chat) and seen.app.screen.session.complete)
        await seen.pilot.press("ctrl+n", *"Tea", "enter")
        await seen.until(lambda: seen.chat.timeline is not None and seen.chat.timeline.loaded)
        await seen.pilot.press(*"hello", "enter", *"again", "enter")

        await seen.shows("again ✓")
        assert "hello ✓" in seen.history


@pytest.mark.usefixtures("ada")
async def test_a_wrong_password_is_said_and_one_may_try_again(server: GatheringServer) -> None:
    async with terminal(server, login="") as seen:
        await seen.until(lambda: isinstance(seen.app.screen, SignIn))
        seen.app.screen.query_one("#login", Input).value = "ada"
        seen.app.screen.query_one("#password", Input).value = "wrong horse"
        seen.app.screen.query_one("#password", Input).focus()
        await seen.pilot.press("enter")
        problem = seen.app.screen.query_one("#problem")
        await seen.until(lambda: "password" in str(problem.render()))

        assert isinstance(seen.app.screen, SignIn)
        assert seen.app.screen.query_one("#password", Input).password


async def test_over_a_kill_and_a_restart_no_message_is_lost_or_doubled(
    server: GatheringServer, ada: Someone, bob: Someone
) -> None:
    room = await ada.room("Lobby")
    await bob.ask("POST", f"/rooms/{room}/join")
    async with terminal(server, room="Lobby") as seen:
        await seen.say("before")
        await seen.shows("before ✓")
        server.kill()
        await seen.until(lambda: seen.chat.session.link is Link.OFFLINE)
        for number in range(5):
            await seen.say(f"while away {number}.")
        await seen.shows("while away 4.  waiting for the connection")
        await anyio.to_thread.run_sync(server.start)
        await bob.say(room, "welcome back")
        await seen.shows("while away 4. ✓")
        await seen.shows("welcome back")

        own = [line for line in seen.history.split("\n") if "while away" in line]
        assert own == [f"  while away {number}. ✓" for number in range(5)]
        assert seen.history.count("before") == seen.history.count("welcome back") == 1
        assert seen.chat.session.link is Link.LIVE
    page = await ada.ask("GET", f"/rooms/{room}/messages")
    texts = [each["text"] for each in reversed(page["items"])]  # type: ignore[index]
    assert [text for text in texts if text.startswith("while")] == [f"while away {number}." for number in range(5)]


async def test_killed_in_the_middle_of_sending_each_message_is_there_once(
    server: GatheringServer, ada: Someone
) -> None:
    await ada.room("Lobby")
    async with terminal(server, room="Lobby") as seen:
        for number in range(40):
            seen.chat.session.post(seen.chat.timeline.channel, f"post {number}.")  # type: ignore[union-attr]
        await seen.shows("post 3. ✓")
        server.kill()
        await anyio.to_thread.run_sync(server.start)
        await seen.shows("post 39. ✓")

        assert [line for line in seen.history.split("\n") if "post" in line] == [f"  post {n}. ✓" for n in range(40)]


async def test_history_is_read_upwards_to_its_beginning_without_a_gap(server: GatheringServer, ada: Someone) -> None:
    room = await ada.room("Lobby")
    for number in range(130):
        await ada.say(room, f"line {number}.")
    async with terminal(server, room=room) as seen:
        await seen.shows("line 129.")
        assert "line 60." not in seen.history
        await seen.pilot.press("escape")
        for _ in range(40):
            await seen.pilot.press("home")
            await seen.pilot.pause(0.05)
        await seen.shows("This is where Lobby begins")

        shown = [line.split()[1] for line in seen.history.split("\n") if line.startswith("  line")]
        assert shown == [f"{number}." for number in range(130)]


async def test_one_edits_answers_and_deletes_with_keys(server: GatheringServer, ada: Someone, bob: Someone) -> None:
    room = await ada.room("Lobby")
    await bob.ask("POST", f"/rooms/{room}/join")
    async with terminal(server, room="Lobby") as seen:
        await seen.say("frist")
        await seen.shows("frist ✓")
        await seen.pilot.press("up")
        composer = seen.chat.query_one(Composer)
        await seen.until(lambda: composer.text == "frist")
        composer.text = "first"
        await seen.pilot.press("enter")
        await seen.shows("first (edited) ✓")
        await bob.say(room, "from bob")
        await seen.shows("from bob")
        await seen.pilot.press("escape", "end", "r")
        await seen.pilot.press(*"indeed", "enter")
        await seen.shows("↱ bob: from bob")
        await seen.shows("indeed ✓")
        await seen.pilot.press("escape", "end", "d")
        await seen.until(lambda: seen.app.screen is not seen.chat)
        await seen.pilot.press("y")

        await seen.shows("  deleted")
        assert "indeed" not in seen.history


async def test_what_is_said_in_another_room_is_counted_until_one_goes_there(
    server: GatheringServer, ada: Someone, bob: Someone
) -> None:
    await ada.room("Aroom")
    room = await bob.room("Broom")
    async with terminal(server, room="Aroom") as seen:
        await seen.pilot.press("ctrl+o")
        await seen.until(lambda: isinstance(seen.app.screen, FindRoom))
        await seen.pilot.press(*"bro")
        await seen.until(lambda: seen.app.screen.query_one("#found", OptionList).option_count == 1)
        await seen.pilot.press("enter")
        await seen.until(lambda: seen.chat.timeline is not None and seen.chat.timeline.name == "Broom")
        await seen.pilot.press("alt+up")
        for text in ("one", "two"):
            await bob.say(room, text)
        listed = seen.chat.query_one(Timelines)
        await seen.until(lambda: any(str(option.prompt) == "# Broom 2" for option in listed.options))
        await seen.pilot.press("ctrl+g")
        await seen.shows("two")

        assert not any(timeline.unread for timeline in seen.chat.session.timelines.values())


async def test_a_private_conversation_has_the_name_of_the_other_one(
    server: GatheringServer, ada: Someone, bob: Someone
) -> None:
    await ada.room("Lobby")
    begun = await bob.ask("POST", "/conversations", {"kind": "private", "participants": ["ada"]})
    await bob.ask("POST", f"/conversations/{begun['id']}/messages", {"text": "psst"})

    async with terminal(server, room="Lobby") as seen:
        listed = seen.chat.query_one(Timelines)
        await seen.until(lambda: any(str(option.prompt) == "@ bob 1" for option in listed.options))
        await seen.pilot.press("ctrl+g")
        await seen.shows("psst")

        assert seen.chat.timeline is not None
        assert seen.chat.timeline.name == "bob"


async def test_history_is_read_anew_when_what_was_missed_is_not_held_any_more(
    server: GatheringServer, ada: Someone
) -> None:
    room = await ada.room("Lobby")
    async with terminal(server, room="Lobby") as seen:
        await seen.say("before")
        await seen.shows("before ✓")
        subscription = seen.chat.session._connection._client.get_subscription(f"room:{room}")
        subscription._epoch = "another life"
        server.kill()
        await anyio.to_thread.run_sync(server.start)
        await ada.say(room, "missed")

        await seen.shows("missed")
        await seen.shows("before")  # read after what comes live, perhaps
        assert seen.history.count("before") == 1


async def test_hostile_text_is_shown_in_a_narrow_terminal_that_is_resized(
    server: GatheringServer, ada: Someone, bob: Someone
) -> None:
    room = await bob.room("[blink]Lob\u202eby")
    await ada.ask("POST", f"/rooms/{room}/join")
    await bob.say(room, "[red]x[/] \x1b[2J\x1b]0;owned\x07 [@click=app.quit]y[/] " + "w" * 300)
    async with terminal(server, room=room, size=(34, 12)) as seen:
        await seen.shows("[red]x[/] [2J")
        narrow = seen.chat.query_one(Timelines).region.width
        await seen.pilot.resize_terminal(120, 30)
        await seen.until(lambda: seen.chat.query_one(Timelines).region.width > 0)
        await seen.pilot.press("ctrl+l", "ctrl+b", "f1", "escape")
        picture = seen.app.export_screenshot()

        assert narrow == 0
        assert seen.history.count("w") > 300
        assert "\x1b" not in picture
        assert "\u202e" not in picture


async def test_a_sign_in_that_is_over_leads_back_to_the_first_screen(server: GatheringServer, ada: Someone) -> None:
    await ada.room("Lobby")
    async with terminal(server, room="Lobby") as seen:
        session = seen.chat.session
        await session.rest.sign_out()
        session.rest.access_token = "expired"
        await seen.pilot.press("ctrl+o")
        session._connection._client.set_token("")
        server.kill()
        await anyio.to_thread.run_sync(server.start)

        await seen.until(lambda: any(isinstance(screen, SignIn) for screen in seen.app.screen_stack))
