"""The desk: what is shared, gathered, retried, handed on and dropped. In virtual time, on both event loops."""

import anyio
import pytest
from structlog.testing import capture_logs

from actors.testing import Simulation
from engine.translation.desk import MANY
from engine.translation.languages import Offer
from engine.translation.provider import Batch, Capacity, ProviderFailed, Translated, Usage
from tests.engine.translation.interpreting import Answers, Scripted, failing, in_capitals, only, translating, work
from tests.support.simulated import simulated


async def the_same_text_for_many_is_translated_once(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for number in range(20):
            answers.request(translators, work(group=f"room:{number}", target="de" if number % 2 else "DE"), number)
        await simulation.advance(2)
        answers.request(translators, work(), "later")
        await simulation.advance(0)
        status = translators.status()

    assert provider.texts == [["good morning"]]
    assert {answers.text(name) for name in answers.of} == {"GOOD MORNING"}
    assert answers.of[0].result().target == "DE"  # as each has asked for it
    assert (status.requested, status.translated, status.shared, status.cached) == (21, 21, 19, 1)


async def one_message_in_eight_languages_is_seven_texts_in_seven_requests(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for target in ("de", "fr", "es", "it", "pt-BR", "ja", "pl", "en-GB"):
            answers.request(translators, work(target=target), target)
        await simulation.advance(10)

    assert answers.of["en-GB"].result().provider == "none"
    assert sorted(batch.target for batch in provider.batches) == ["de", "es", "fr", "it", "ja", "pl", "pt-BR"]
    assert provider.texts == [["good morning"]] * 7


async def texts_for_one_language_gather_across_rooms(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(), Answers()
    async with simulation.system() as system, translating(system, provider, translation_window=0.01) as translators:
        for number in range(60):
            answers.request(translators, work(f"number {number}", group=f"room:{number}"), number)
            await simulation.advance(0.0001)
        await simulation.advance(2)

    assert sorted(len(texts) for texts in provider.texts) == [10, 50]
    assert len(answers.of) == 60


async def earlier_messages_stay_in_their_room(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(capacity=Capacity(requests=2)), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for room in ("a", "b"):
            for number in range(2):
                wanted = work(f"{room}{number}", group=room, context=(f"secret of {room}",))
                answers.request(translators, wanted, (room, number))
        await simulation.advance(2)
        for room in ("a", "b", "c", "d"):  # more than can be asked for at a time
            answers.request(translators, work(f"again {room}", group=room, context=(f"secret of {room}",)), room)
        await simulation.advance(2)

    apart, together = sorted(provider.batches[:2], key=lambda batch: batch.context), provider.batches[2]
    assert [(batch.context, len(batch.documents)) for batch in apart] == [(("secret of a",), 2), (("secret of b",), 2)]
    assert (together.context, len(together.documents)) == ((), 4)


async def rooms_take_turns(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(capacity=Capacity(texts=1, requests=1)), Answers()
    async with simulation.system() as system, translating(system, provider, translation_deadline=600) as translators:
        for number in range(30):
            answers.request(translators, work(f"loud {number}", group="loud"), number)
        await simulation.advance(0.5)
        for number in range(3):
            answers.request(translators, work(f"quiet {number}", group="quiet"), f"quiet {number}")
        await simulation.advance(7)
        answered = set(answers.of)

    assert {f"quiet {number}" for number in range(3)} <= answered


async def those_who_are_present_come_first(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(capacity=Capacity(texts=1, requests=1)), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for number in range(5):
            answers.request(translators, work(f"absent {number}", present=False), number)
        answers.request(translators, work("present"), "present")
        answers.request(translators, work("absent 3"), "also present now")
        await simulation.advance(2.5)
        answered = set(answers.of)

    assert answered == {"present", "also present now", 3}


async def overload_drops_the_oldest_for_absent_readers_first(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(capacity=Capacity(texts=1, requests=1)), Answers()
    async with simulation.system() as system, translating(system, provider, translation_queue=3) as translators:
        answers.request(translators, work("under way", present=False), "under way")
        await simulation.advance(0.1)
        for name, present in (("old", False), ("here", True), ("new", False), ("here too", True), ("newest", False)):
            answers.request(translators, work(name, present=present), name)
            await simulation.advance(0)
        dropped = {name: answers.code(name) for name in answers.of}
        for name in ("now 1", "now 2"):
            answers.request(translators, work(name), name)
            await simulation.advance(0)
        status = translators.status()
        await simulation.advance(10)

    assert dropped == {"old": "dropped", "new": "dropped"}
    assert (status.waiting, status.dropped_absent, status.dropped_present) == (3, 3, 1)
    assert answers.code("here") == "dropped"
    assert {name for name in answers.of if answers.of[name].error is None} == {
        "under way",
        "here too",
        "now 1",
        "now 2",
    }


async def at_most_so_many_requests_are_under_way_and_start_in_a_second(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(capacity=Capacity(texts=1, requests=3), seconds=0.5), Answers()
    options = {"translation_rate": 2, "translation_deadline": 60}
    async with simulation.system() as system, translating(system, provider, **options) as translators:
        for number in range(20):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(30)

    assert len(answers.of) == 20
    assert provider.most_under_way <= 3
    assert all(later - earlier >= 1.5 - 1e-6 for earlier, later in zip(provider.at[3:], provider.at[6:], strict=False))


async def what_expires_before_it_is_taken_fails_once(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(seconds=1000), Answers()
    async with simulation.system() as system, translating(system, provider, translation_deadline=0.002) as translators:
        for number in range(2 * MANY):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(5)
        status = translators.status()

    assert len(answers.of) == sum(status.failed.values()) == 2 * MANY
    assert status.waiting == 0


async def what_takes_too_long_ends_and_frees_its_worker(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(seconds=1000), Answers()
    async with simulation.system() as system, translating(system, provider, translation_deadline=5) as translators:
        answers.request(translators, work(), "slow")
        await simulation.advance(4.9)
        assert not answers.of
        await simulation.advance(0.2)
        assert answers.code("slow") == "timeout"
        await simulation.advance(1)
        status = only(translators)

    assert (status.in_flight, provider.under_way) == (0, 0)


async def what_nobody_waits_for_any_more_is_not_asked_for(simulation: Simulation[None]) -> None:
    provider = Scripted(capacity=Capacity(texts=1, requests=1), seconds=4)
    answers = Answers()
    async with simulation.system() as system, translating(system, provider, translation_deadline=5) as translators:
        for number in range(4):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(30)
        status = only(translators)

    assert len(provider.batches) == 2
    assert [answers.of[number].error is None for number in range(4)] == [True, False, False, False]
    assert status.waiting == 0


@pytest.mark.parametrize("code", ["quota", "unauthorized"])
def test_what_lasts_goes_to_the_next_provider(code: str):
    async def scenario(simulation: Simulation[None]) -> None:
        first, second = Scripted(failing(code), name="first"), Scripted(name="second")
        async with simulation.system() as system, translating(system, first, second) as translators:
            for number in range(3):
                rendering = await translators.translate(work(f"number {number}"))
                assert (rendering.text, rendering.provider) == (f"NUMBER {number}", "second")
            states = [provider.state for provider in translators.status().providers]

        assert len(first.batches) == 1
        assert states == [{"quota": "quota_exceeded"}.get(code, code), "ready"]

    simulated(scenario)("trio", pytest.MonkeyPatch())


async def a_provider_that_is_down_is_left_alone_and_tried_with_one_request(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(failing("unavailable", times=6), capacity=Capacity(texts=1)), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for number in range(10):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(2)
        at_first, waiting = len(provider.batches), only(translators)
        await simulation.advance(28)
        status = only(translators)

    assert at_first <= 8  # five failures open the breaker; others were under way
    assert (waiting.breaker, waiting.state) == ("open", "unavailable")
    assert waiting.retry_at is not None
    assert (status.breaker, status.state) == ("closed", "ready")
    assert {answers.text(number) for number in range(10)} == {f"NUMBER {number}" for number in range(10)}


async def a_provider_that_has_come_back_early_is_asked_at_once(simulation: Simulation[None]) -> None:
    slow = anyio.Event()
    seen = 0

    async def down_but_for_the_first(batch: Batch) -> list[Translated | ProviderFailed]:
        nonlocal seen
        seen += 1
        if seen == 1:
            await slow.wait()
        elif not slow.is_set():
            raise ProviderFailed("unavailable", "down")
        return in_capitals(batch)

    provider, answers = Scripted(down_but_for_the_first, capacity=Capacity(texts=1)), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        for number in range(6):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(2)
        assert only(translators).breaker == "open"
        slow.set()
        await simulation.advance(0.5)
        answers.request(translators, work("good evening"), "evening")
        await simulation.advance(0.5)

        assert answers.text("evening") == "GOOD EVENING"


async def while_one_rests_the_next_does_what_waits(simulation: Simulation[None]) -> None:
    first, second = Scripted(failing("unavailable"), name="first"), Scripted(name="second")
    answers = Answers()
    async with simulation.system() as system, translating(system, first, second) as translators:
        for number in range(10):
            answers.request(translators, work(f"number {number}", target=f"{'abcdefghij'[number]}a"), number)
        await simulation.advance(20)

    assert {answers.of[number].result().provider for number in range(10)} == {"second"}


async def a_text_that_comes_back_damaged_goes_to_the_next_and_alone(simulation: Simulation[None]) -> None:
    async def careless(batch: Batch) -> list[Translated | ProviderFailed]:
        return [ProviderFailed("damaged", "lost"), *in_capitals(batch)[1:]]

    first, second, answers = Scripted(careless, name="first"), Scripted(name="second"), Answers()
    async with simulation.system() as system, translating(system, first, second) as translators:
        for number in range(3):
            answers.request(translators, work(f"number {number}"), number)
        await simulation.advance(3)
        status = translators.status().providers[0]

    assert [answers.of[number].result().provider for number in range(3)] == ["second", "first", "first"]
    assert (status.state, status.failures) == ("ready", {"damaged": 1})


async def a_language_that_one_does_not_have_the_next_may(simulation: Simulation[None]) -> None:
    first = Scripted(name="first", offer=Offer(("EN",), ("DE", "FR")))
    second = Scripted(name="second", offer=Offer(("EN",), ("JA",)))
    answers = Answers()
    async with simulation.system() as system, translating(system, first, second) as translators:
        for target in ("de", "ja", "tlh"):
            answers.request(translators, work(target=target), target)
        await simulation.advance(3)

    assert answers.of["de"].result().provider == "first"
    assert answers.of["ja"].result().provider == "second"
    assert answers.code("tlh") == "unsupported"


async def a_provider_that_breaks_is_replaced_and_counts_as_down(simulation: Simulation[None]) -> None:
    async def broken(_: Batch) -> list[Translated | ProviderFailed]:
        raise ZeroDivisionError

    first, second = Scripted(broken, name="first"), Scripted(name="second")
    async with simulation.system() as system, translating(system, first, second) as translators:
        with capture_logs():
            for number in range(12):
                await translators.translate(work(f"number {number}"))
        status = translators.status().providers[0]

    assert status.breaker == "open"
    assert len(second.batches) == 12


async def a_quota_that_is_renewed_is_seen_at_the_next_look(simulation: Simulation[None]) -> None:
    provider = Scripted(failing("quota", times=1))
    async with simulation.system() as system, translating(system, provider) as translators:
        answers = Answers()
        answers.request(translators, work(), "spent")
        await simulation.advance(1)
        assert answers.code("spent") == "quota"
        provider.usages = Usage(10, 100)
        await simulation.advance(300)
        rendering = await translators.translate(work())
        status = only(translators)

    assert rendering.text == "GOOD MORNING"
    assert (status.state, status.quota_used, status.quota_limit) == ("ready", 10, 100)


async def closing_ends_what_is_under_way(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(seconds=1000), Answers()
    async with simulation.system() as system:
        async with translating(system, provider, translation_deadline=500) as translators:
            answers.request(translators, work(), "under way")
            await simulation.advance(1)
        answers.request(translators, work("too late"), "too late")
        assert answers.code("under way") == answers.code("too late") == "unavailable"

    assert provider.closed
    assert provider.under_way == 0


async def cancelling_one_who_waits_leaves_the_others(simulation: Simulation[None]) -> None:
    provider, answers = Scripted(), Answers()
    async with simulation.system() as system, translating(system, provider) as translators:
        answers.request(translators, work(), "other")
        with anyio.move_on_after(0.5):
            await translators.translate(work())
        await simulation.advance(1)

    assert answers.text("other") == "GOOD MORNING"
    assert len(provider.batches) == 1


test_sharing = simulated(the_same_text_for_many_is_translated_once)
test_eight_languages = simulated(one_message_in_eight_languages_is_seven_texts_in_seven_requests)
test_gathering = simulated(texts_for_one_language_gather_across_rooms)
test_contexts = simulated(earlier_messages_stay_in_their_room)
test_turns = simulated(rooms_take_turns)
test_presence = simulated(those_who_are_present_come_first)
test_overload = simulated(overload_drops_the_oldest_for_absent_readers_first)
test_pace = simulated(at_most_so_many_requests_are_under_way_and_start_in_a_second)
test_expired = simulated(what_expires_before_it_is_taken_fails_once)
test_deadline = simulated(what_takes_too_long_ends_and_frees_its_worker)
test_abandoned = simulated(what_nobody_waits_for_any_more_is_not_asked_for)
test_breaker = simulated(a_provider_that_is_down_is_left_alone_and_tried_with_one_request)
test_coming_back = simulated(a_provider_that_has_come_back_early_is_asked_at_once)
test_fallback = simulated(while_one_rests_the_next_does_what_waits)
test_damaged = simulated(a_text_that_comes_back_damaged_goes_to_the_next_and_alone)
test_languages = simulated(a_language_that_one_does_not_have_the_next_may)
test_crash = simulated(a_provider_that_breaks_is_replaced_and_counts_as_down)
test_quota = simulated(a_quota_that_is_renewed_is_seen_at_the_next_look)
test_closing = simulated(closing_ends_what_is_under_way)
test_cancelling = simulated(cancelling_one_who_waits_leaves_the_others)
