"""What goes over the link between a server and the process that translates for it, and what the server does then."""

import anyio
import pytest

from actors import Actor, ActorSystem, AskTimeout, MailboxFull, Ref, handles
from engine.domain.fields import MessageId, TimelineId
from engine.domain.messages import Translation
from engine.errors import (
    EngineError,
    Forbidden,
    Overloaded,
    Overtaken,
    RateLimited,
    StorageUnavailable,
    TimelineMoved,
    TryLater,
)
from engine.interpreting.opening import settings_to_tell
from engine.interpreting.process.serving import GIVE_WAY, Serving
from engine.interpreting.process.wire import AskLacking, Complete, Keep, ToServer, error_of, failure_of
from engine.processes.link import Failed, Failure, Reply
from engine.settings import Settings
from engine.timelines.translating import Addition, AddTranslations
from engine.traffic import Traffic
from engine.translation.provider import ProviderFailed

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("error", "kind", "retry_after"),
    [
        (Overtaken("a"), Overtaken, 1.0),
        (TimelineMoved("b", retry_after=3.0), TimelineMoved, 3.0),
        (StorageUnavailable("c"), StorageUnavailable, 1.0),
        (Overloaded("d", retry_after=2.0), TryLater, 2.0),
        (RateLimited("e"), TryLater, 1.0),
        (AskTimeout("f"), TryLater, 1.0),
        (MailboxFull("g"), TryLater, 1.0),
        (ProviderFailed("rate_limited", "h", retry_after=7.0), ProviderFailed, 7.0),
        (ProviderFailed("quota", "i"), ProviderFailed, None),
    ],
)
def test_an_error_is_over_there_what_booths_take_it_for_here(
    error: Exception, kind: type[Exception], retry_after: float | None
) -> None:
    came = error_of(failure_of(error))

    assert type(came) is kind
    assert str(came) == str(error)
    assert getattr(came, "retry_after", None) == retry_after
    assert getattr(came, "code", None) == getattr(error, "code", None) or not isinstance(error, ProviderFailed)


def test_an_error_that_will_be_the_same_the_next_time_is_not_one_to_try_again_after() -> None:
    came = error_of(failure_of(Forbidden("no")))

    assert isinstance(came, EngineError)
    assert not isinstance(came, TryLater)


def test_the_process_is_told_how_to_translate_with_the_key_and_where_to_look_and_nothing_else() -> None:
    settings = Settings(
        secret_key="the server's own",
        chat_model_api_key="the model's",
        database_url="postgresql://me:word@host/chat",
        storage_timeout=3.5,
        deepl_auth_key="the provider's:fx",
        deepl_server_url="http://127.0.0.1:1/v2",
        deepl_model="quality_optimized",
        translation_concurrency=7,
        translation_deadline=11.5,
    )
    told = settings_to_tell(settings)
    there = Settings(**told)

    assert {name for name in told if not name.startswith(("translation_", "deepl_"))} == {
        "database_url",
        "storage_timeout",
    }
    assert {name: getattr(there, name) for name in told} == {name: getattr(settings, name) for name in told}
    assert (there.translation_concurrency, there.translation_deadline) == (7, 11.5)
    assert there.deepl_auth_key is not None
    assert there.deepl_auth_key.get_secret_value() == "the provider's:fx"


class Kind(Actor):
    """A timeline that keeps whatever it is asked to, unless there is a "no" in it; tells when, and whether it might have been put off."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, bool]] = []

    @handles(AddTranslations)  # type: ignore[arg-type] # of timelines, as this one is to who asks
    async def add(self, command: AddTranslations) -> tuple[Translation | None, ...]:  # type: ignore[misc]
        self.asked.append((anyio.current_time(), command.patient))
        if any(each.text == "no" for each in command.additions):
            raise Overtaken("somebody came")
        return tuple(None if each.text == "gone" else each.translation for each in command.additions)


def keep(*texts: str) -> Keep:
    translations = {text: Translation("de", f"de {text}", "any") for text in texts}
    additions = tuple(Addition(MessageId(text), text, translations[text], "en", "f") for text in texts)
    return Keep("room:1", AddTranslations(additions, patient=True))


def serving(traffic: Traffic, timeline: Ref[Kind] | None = None) -> Serving:
    return Serving(lambda _: timeline, None, traffic)


async def test_a_timeline_is_asked_for_all_of_it_at_once_and_says_of_each_what_became_of_it() -> None:
    async with ActorSystem("test") as system:
        timeline = Kind()
        ref = await system.spawn(lambda: timeline, "timeline")
        kept = await serving(Traffic(), ref).answer(keep("one", "gone"))
        with pytest.raises(Failed) as refused:
            await serving(Traffic(), ref).answer(keep("one", "no"))

    assert kept == (Translation("de", "de one", "any"), None)
    assert refused.value.failure == failure_of(Overtaken("somebody came"))
    assert [patient for _, patient in timeline.asked] == [True, True]


async def test_who_posts_comes_first_but_not_for_ever() -> None:
    traffic = Traffic()
    async with ActorSystem("test") as system:
        timeline = Kind()
        ref = await system.spawn(lambda: timeline, "timeline")
        began = anyio.current_time()
        traffic.writing.add(TimelineId("another"))
        await serving(traffic, ref).answer(keep("one"))

    ((at, patient),) = timeline.asked
    assert at - began == pytest.approx(GIVE_WAY, abs=1e-3)
    assert not patient  # it has been patient


class Heard(Reply):
    """A reply that is only looked at."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def answer(self, answer: object) -> None:
        self.heard.append(answer)

    def refuse(self, failure: Failure) -> None:
        self.heard.append(failure)


async def test_while_nobody_is_on_the_way_what_is_to_be_kept_is_asked_for_at_once() -> None:
    traffic, kept, refused, none = Traffic(), Heard(), Heard(), Heard()
    async with ActorSystem("test") as system:
        timeline = Kind()
        ref = await system.spawn(lambda: timeline, "timeline")
        assert serving(traffic, ref).take(keep("one", "gone"), kept)
        assert serving(traffic, ref).take(keep("one", "no"), refused)
        await anyio.wait_all_tasks_blocked()
        assert serving(traffic).take(keep("one"), none)
        assert not serving(traffic, ref).take(AskLacking("room:1"), none)
        traffic.writing.add(TimelineId("another"))
        assert not serving(traffic, ref).take(keep("one"), none)

    assert kept.heard == [(Translation("de", "de one", "any"), None)]
    assert refused.heard == [failure_of(Overtaken("somebody came"))]
    assert [patient for _, patient in timeline.asked] == [True, True]
    (failure,) = none.heard
    assert isinstance(failure, Failure)
    assert failure.kind == "refused"


@pytest.mark.parametrize("question", [AskLacking("room:1"), keep("one")])
async def test_what_is_asked_of_no_timeline_is_refused(question: ToServer) -> None:
    with pytest.raises(Failed) as refused:
        await serving(Traffic()).answer(question)

    assert refused.value.failure.kind == "refused"


async def test_what_fails_at_the_chat_model_fails_over_there_in_the_same_way() -> None:
    async def complete(system: str, text: str) -> str:
        assert (system, text) == ("translate", "hello")
        raise ProviderFailed("rate_limited", "too often", retry_after=4.0)

    with pytest.raises(Failed) as refused:
        await Serving(lambda _: None, complete, Traffic()).answer(Complete("translate", "hello"))

    came = error_of(refused.value.failure)
    assert isinstance(came, ProviderFailed)
    assert (came.code, came.retry_after, str(came)) == ("rate_limited", 4.0, "too often")
