import anyio
import pytest

from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Draft
from engine.domain.people import Principal
from engine.engine import Engine
from engine.errors import Forbidden, InvalidRequest, NotFound
from engine.timelines.commands import Post, Posted
from tests.engine.timelines.acting import Interposed, Perform, Place, a_place, running
from tests.storage.made import new_id

pytestmark = pytest.mark.anyio


async def test_a_post_is_answered_and_published_only_after_its_event_is_committed(
    lobby: Place, ada: Principal, storage: Interposed
):
    committing, release = anyio.Event(), anyio.Event()
    answers: list[Posted] = []

    async def hold(name: str, perform: Perform):
        if name == "append":
            committing.set()
            await release.wait()
        return await perform()

    async def post() -> None:
        answers.append(await lobby.post(ada))

    listener, _ = await lobby.listen(ada)
    storage.meddle = hold
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post)
        await committing.wait()
        await anyio.sleep(1)
        seen_before_the_commit = (list(answers), list(listener.heard), await lobby.events(ada, since=2))
        release.set()

    assert seen_before_the_commit == ([], [], [])
    assert [each.message.offset for each in answers] == listener.offsets == [3]


async def test_the_poster_has_the_answer_before_subscribers_have_the_event(lobby: Place, ada: Principal):
    listener, _ = await lobby.listen(ada)
    heard_at_the_answer: list[list[str]] = []

    lobby.ref.request(Post(ada, Draft(text="hello")), lambda _: heard_at_the_answer.append(list(listener.heard)))
    await anyio.sleep(1)

    assert heard_at_the_answer == [[]]
    assert listener.offsets == [3]


async def test_offsets_count_from_1_without_a_gap_and_everyone_hears_them_in_order(
    lobby: Place, ada: Principal, ben: Principal
):
    first, _ = await lobby.listen(ada)
    second, _ = await lobby.listen(ben)

    async with anyio.create_task_group() as tasks:
        for number in range(700):  # more than two turns
            tasks.start_soon(lobby.post, ada if number % 2 else ben, f"{number}")

    assert first.offsets == second.offsets == list(range(3, 703))
    assert [event.offset for event in await lobby.events(ada)] == list(range(1, 703))


async def test_every_subscriber_gets_the_same_publication_encoded_once(lobby: Place, ada: Principal, ben: Principal):
    first, _ = await lobby.listen(ada)
    second, _ = await lobby.listen(ben)
    framed: list[int] = []

    def frame(publication: object) -> bytes:
        framed.append(id(publication))
        return b"framed"

    await lobby.post(ada)

    [ours], [theirs] = first.publications, second.publications
    assert ours is theirs
    assert ours.form(frame) is theirs.form(frame)
    assert len(framed) == 1


async def test_the_same_client_id_posted_50_times_at_once_gives_one_message_and_50_equal_answers(
    lobby: Place, ada: Principal
):
    answers: list[Posted] = []

    async def post(text: str) -> None:
        answers.append(await lobby.post(ada, text, "once"))

    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(post, f"attempt {number}")

    assert len({each.message.id for each in answers}) == 1
    assert all(each.message == answers[0].message for each in answers)
    assert sum(each.created for each in answers) == 1
    assert len((await lobby.page(ada)).items) == 1


@pytest.mark.parametrize("times", [1, 50])
async def test_a_client_id_older_than_memory_gives_the_first_message(
    storage: Interposed, ada: Principal, ben: Principal, times: int
):
    answers: list[Posted] = []

    async with running(storage, recent_events=5) as engine:
        place = await a_place(engine, ada, ben)
        first = await place.post(ada, "first", "once")
        await place.say(ada, *"abcdefgh")

        async def post() -> None:
            answers.append(await place.post(ada, "again", "once"))

        async with anyio.create_task_group() as tasks:
            for _ in range(times):
                tasks.start_soon(post)
                tasks.start_soon(place.post, ben, "meanwhile")
                tasks.start_soon(place.post, ben, "the same key of another author", "once")

    assert answers == [Posted(first.message, created=False)] * times


async def test_a_client_id_from_before_a_restart_of_the_engine_gives_the_first_message(
    storage: Interposed, ada: Principal
):
    async with running(storage) as engine:
        place = await a_place(engine, ada)
        first = await place.post(ada, "first", "once")
    async with running(storage) as engine:
        again = await Place(engine, place.id).post(ada, "again", "once")

    assert again == Posted(first.message, created=False)


async def test_a_repeated_client_id_tells_the_message_as_it_is_now(lobby: Place, ada: Principal):
    first = await lobby.post(ada, "first", "once")
    edited = await lobby.edit(ada, first.message, "better")

    again = await lobby.post(ada, "first", "once")

    assert again == Posted(edited, created=False)


async def test_a_client_id_is_its_authors_own(lobby: Place, ada: Principal, ben: Principal):
    first = await lobby.post(ada, "mine", "once")
    second = await lobby.post(ben, "mine too", "once")

    assert first.message.id != second.message.id
    assert second.created


async def test_a_reply_names_a_message_that_exists(lobby: Place, ada: Principal, ben: Principal):
    [question] = await lobby.say(ada, "why?")

    answer = await lobby.post(ben, "because", reply_to=question.id)

    assert answer.message.reply_to == question.id


@pytest.mark.parametrize("strange", [new_id(), "not an id", "\x00"], ids=["unused", "no id", "NUL"])
async def test_a_reply_to_a_message_that_does_not_exist_is_refused(lobby: Place, ada: Principal, strange: str):
    with pytest.raises(InvalidRequest) as refused:
        await lobby.post(ada, reply_to=MessageId(strange))

    assert [each.path for each in refused.value.errors] == ["reply_to"]


async def test_a_reply_to_a_message_of_another_room_is_refused(lobby: Place, engine: Engine, ada: Principal):
    [elsewhere] = await (await a_place(engine, ada)).say(ada, "elsewhere")

    with pytest.raises(InvalidRequest):
        await lobby.post(ada, reply_to=elsewhere.id)


async def test_a_reply_may_name_a_message_older_than_memory(storage: Interposed, ada: Principal):
    async with running(storage, recent_events=3) as engine:
        place = await a_place(engine, ada)
        [question, *_] = await place.say(ada, "why?", *"abcdef")

        answer = await place.post(ada, "because", reply_to=question.id)

    assert answer.message.reply_to == question.id


async def test_posts_keep_their_order_while_an_old_message_is_looked_up(storage: Interposed, ada: Principal):
    async with running(storage, recent_events=3) as engine:
        place = await a_place(engine, ada)
        [question, *_] = await place.say(ada, "why?", *"abcdef")
        answers: dict[str, int] = {}

        async def post(text: str, reply_to: MessageId | None = None) -> None:
            answers[text] = (await place.post(ada, text, reply_to=reply_to)).message.offset

        async with anyio.create_task_group() as tasks:
            await post("before")
            tasks.start_soon(post, "reply", question.id)
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(post, "after")

    assert answers["before"] < answers["reply"] < answers["after"]


async def test_a_text_has_at_most_the_characters_of_the_setting(storage: Interposed, ada: Principal):
    async with running(storage, message_characters=10) as engine:
        place = await a_place(engine, ada)

        longest = await place.post(ada, "😀" * 10)
        with pytest.raises(InvalidRequest, match="at most 10"):
            await place.post(ada, "a" * 11)
        with pytest.raises(InvalidRequest, match="at most 10"):
            await place.edit(ada, longest.message, "a" * 11)


@pytest.mark.parametrize("text", ["", "   ", "\n\t\u2003", "nul \x00", "half \ud83d", "\udc00"])
async def test_a_text_that_shows_nothing_or_that_no_database_holds_is_refused(lobby: Place, ada: Principal, text: str):
    [message] = await lobby.say(ada, "fine")

    with pytest.raises(InvalidRequest) as posted:
        await lobby.post(ada, text)
    with pytest.raises(InvalidRequest) as edited:
        await lobby.edit(ada, message, text)

    assert posted.value.errors[0].path == edited.value.errors[0].path == "text"
    assert (await lobby.page(ada)).items == [message]


async def test_the_language_of_a_message_is_the_one_given_else_its_authors(lobby: Place, ada: Principal):
    german = Principal(ada.participant, language="de")

    given = await lobby.post(german, "hola", language="es")
    own = await lobby.post(german, "hallo")
    unknown = await lobby.post(ada, "?")

    assert [each.message.language for each in (given, own, unknown)] == ["es", "de", None]


async def test_only_members_post(lobby: Place, cleo: Principal, root: Principal):
    for stranger in (cleo, root):
        with pytest.raises(Forbidden):
            await lobby.post(stranger)


async def test_nobody_posts_to_a_personal_timeline(engine: Engine, ada: Principal):
    ref = engine.timelines.ref(f"user:{ada.id}")
    assert ref is not None

    with pytest.raises(Forbidden):
        await ref.ask(Post(ada, Draft(text="note to self")))


async def test_a_room_that_does_not_exist_is_not_found(engine: Engine, ada: Principal):
    with pytest.raises(NotFound):
        await Place(engine, TimelineId(new_id())).post(ada)

    assert engine.timelines.ref("room:../secrets") is engine.timelines.ref("planet:earth") is None
