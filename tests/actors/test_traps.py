"""The traps of actors on anyio: what goes wrong in runtimes like this one, and the tests that hold the guards against it.

Each line names tests of this folder; `here` is this file.

Supervision

* A child's exception cancels its siblings.
    here: a_crash_reaches_no_sibling; test_crashes: an_exception_group_is_a_crash_like_any_other
* A native cancellation that no cancel scope asked for silently ends the task group (asyncio).
    test_crashes: a_cancellation_that_no_scope_asked_for_is_a_crash, a_cancellation_out_of_a_farewell_cancels_nobody_else,
    a_native_cancellation_by_foreign_code_stays_with_its_actor; test_owned_tasks:
    a_cancellation_that_no_scope_asked_for_comes_back_as_an_error
* Tasks start in random order (trio).
    test_supervision: actors_start_in_order_and_stop_in_reverse, spawning_waits_until_the_actor_has_started,
    a_failing_start_is_raised_to_the_starter_and_leaves_nothing_behind, a_start_that_takes_too_long_fails
* What awaits in `finally` is cut off after a cancellation, or hangs for ever under a shield.
    here: a_cancelled_actor_says_its_farewell_to_the_end; test_stopping: a_farewell_is_bounded,
    a_hanging_farewell_is_cancelled_with_the_rest
* A child swallows its cancellation.
    test_stopping: an_actor_that_swallows_its_cancellation_is_reported_and_does_not_hold_the_stop_up
* The late exit of an older generation is taken for one of its successor.
    here: the_late_end_of_a_replaced_actor_means_nothing
* Backoff sleeps inside the supervisor.
    test_crashes: a_child_that_waits_for_its_restart_holds_nobody_up; test_stopping:
    a_restart_that_waits_for_its_time_holds_no_stop_up
* A cancel scope is entered by one task and left by another.
    here: a_stream_left_inside_a_scope_of_its_generator_ends_cleanly
* Many actors are stopped one after another.
    here: virtual_actors_are_stopped_together

Messages

* A refusal kills, a crash spares, and ask and tell differ.
    test_message_traps: a_crash_restarts_whether_asked_or_told; test_asking: a_refusal_reaches_the_caller_and_the_actor_lives
* The poison message is delivered again; those behind it are lost.
    test_crashes: waiting_messages_survive_a_crash_and_the_crashing_one_is_not_delivered_again
* A type of message crashes its actor for ever.
    test_message_traps: a_type_of_message_that_keeps_crashing_its_actor_is_kept_from_it
* Asks go round in a circle and wait for each other.
    test_asking: an_actor_that_asks_itself_is_told_so_at_once, a_circle_of_asks_is_found_however_long_it_is,
    two_actors_may_ask_a_third_without_a_circle
* Handlers interleave.
    test_message_traps: a_handler_that_waits_is_not_interleaved
* Asks that nobody waits for are still worked on.
    test_asking: an_ask_that_expires_while_it_waits_is_never_executed, an_ask_whose_caller_has_left_is_never_executed,
    an_ask_that_expires_while_nobody_can_tell_its_caller_is_never_executed;
    test_batches: expired_calls_are_not_in_the_batch
* A mailbox grows without bound; a full one keeps the runtime's own signals out, or blocks an actor.
    test_mailboxes: a_full_mailbox_rejects, an_actor_is_never_made_to_wait_for_room,
    the_answers_to_its_own_requests_reach_an_actor_with_a_full_mailbox; test_message_traps: a_full_mailbox_keeps_no_stop_out
* A message vanishes without a trace.
    test_conservation: every_message_is_handled_or_a_dead_letter_under_every_schedule; test_model:
    a_system_does_what_its_model_says
* An error in the background ends as a line in the log.
    test_message_traps: an_error_of_an_owned_task_crashes_its_owner; test_asking:
    an_answer_that_cannot_become_a_message_crashes_the_one_who_asked
* A message that comes during passivation is lost, or starts a second activation.
    test_virtual_actors: what_comes_while_an_actor_goes_to_sleep_is_held_and_handled_by_the_next_activation,
    many_first_messages_activate_an_actor_once, an_actor_with_work_under_way_does_not_sleep,
    an_actor_that_gets_a_message_while_it_is_told_to_sleep_stays_awake
* Busy is taken for dead.
    test_message_traps: an_actor_that_is_busy_for_long_is_left_alone
* Entries outlive their owners.
    test_leaks: twenty_thousand_activations_and_passivations_leave_nothing_behind,
    a_hundred_thousand_actors_spawned_and_stopped_leave_nothing_behind, an_answered_call_is_forgotten_at_once_with_its_message
* Who asks during a restart is lost.
    test_message_traps: whoever_asks_during_a_backoff_waits_for_no_longer_than_its_deadline
* Restarts come as a storm; one bad child takes the others along.
    test_crashes: the_first_restart_is_at_once_and_the_next_ones_wait_longer_and_longer; test_supervision:
    chance_spreads_a_backoff_over_all_of_its_time, more_crashes_than_the_intensity_allows_end_the_system_in_order; test_virtual_actors:
    an_actor_that_keeps_crashing_is_quarantined_alone_and_released
* Messages overtake each other.
    test_asking: what_is_told_is_handled_in_the_order_of_telling
* A hot mailbox starves everybody else.
    test_message_traps: a_hot_mailbox_lets_others_run
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from actors import (
    Actor,
    Message,
    Strategy,
    StreamMessage,
    handles,
)
from actors.testing import Simulation
from tests.support.scripted import Do, Fail, Hold, Say, Scripted
from tests.support.simulated import simulated


def test_every_test_that_is_named_above_exists() -> None:
    here = Path(__file__)
    missing = []
    for file, names in re.findall(r"(?:^|\s)(here|test_\w+):\s+([a-z0-9_,\s]+?)(?=;|\n\*|\n\n|\Z)", __doc__ or ""):
        source = here if file == "here" else here.with_name(f"{file}.py")
        text = source.read_text()
        missing += [name for name in re.split(r",\s+", names.strip()) if f"def test_{name}(" not in text]

    assert missing == []


@simulated
async def test_a_crash_reaches_no_sibling(simulation: Simulation[None]) -> None:
    log: list[str] = []
    async with simulation.system() as system:
        sibling = await system.spawn(lambda: Scripted(log), "sibling")
        actor = await system.spawn(Scripted, "actor")
        gate = anyio.Event()
        sibling.tell(Hold(gate))

        actor.tell(Fail(ValueError("boom")))
        await simulation.settle()
        gate.set()

        assert await sibling.ask(Say("undisturbed")) == "undisturbed"
    assert log == ["started", "undisturbed", "stopping shutdown"]


@simulated
async def test_a_cancelled_actor_says_its_farewell_to_the_end(simulation: Simulation[None]) -> None:
    log: list[str] = []

    async def save(_: Scripted) -> None:
        await anyio.sleep(1)
        log.append("saved")

    async with simulation.system(stop_grace=1.0) as system:
        actor = await system.spawn(lambda: Scripted(log, ending=save), "actor")
        actor.tell(Hold(anyio.Event()))
        await simulation.settle()

    assert log == ["started", "stopping killed", "saved"]


@simulated
async def test_the_late_end_of_a_replaced_actor_means_nothing(simulation: Simulation[None]) -> None:
    log: list[str] = []
    gate = anyio.Event()

    async def cling(_: Scripted) -> None:
        while not gate.is_set():
            with anyio.CancelScope(shield=True):
                await gate.wait()

    async with simulation.system() as system:
        group = await system.supervisor("group", strategy=Strategy.ONE_FOR_ALL)
        clinging = await group.spawn(lambda: Scripted(log), "clinging", shutdown=1.0)
        other = await group.spawn(Scripted, "other")
        clinging.tell(Do(cling))
        await simulation.settle()

        other.tell(Fail(ValueError("boom")))
        await simulation.advance(10)
        assert await clinging.ask(Say("the successor")) == "the successor"
        before = system.tree().children[0]
        gate.set()
        [stuck] = before.children[0].children
        assert (stuck.state, stuck.generation, stuck.current) == ("stuck", 1, "Do")
        await simulation.advance(10)

        assert await clinging.ask(Say("undisturbed")) == "undisturbed"
        after = system.tree().children[0]
        assert [node.restarts for node in after.children] == [node.restarts for node in before.children] == [1, 1]
        assert [node.generation for node in after.children] == [2, 2]
        assert after.children[0].children == []
        assert log.count("started") == 2


class Count(StreamMessage["Counting", int], frozen=True):
    pass


class Look(Message["Counting", bool], frozen=True):
    pass


class Counting(Actor):
    def __init__(self) -> None:
        self.left = False

    @handles(Count, stream=True)
    async def count(self, message: Count) -> AsyncIterator[int]:
        try:
            with anyio.fail_after(3600):
                for number in range(1_000_000):
                    yield number
        finally:
            self.left = True

    @handles(Look)
    async def look(self, message: Look) -> bool:
        return self.left


@simulated
async def test_a_stream_left_inside_a_scope_of_its_generator_ends_cleanly(simulation: Simulation[None]) -> None:
    async with simulation.system() as system:
        actor = await system.spawn(Counting, "actor")

        async with actor.stream(Count(), credit=4) as numbers:
            async for number in numbers:
                if number == 10:
                    break
        await simulation.settle()

        assert await actor.ask(Look())
        before = simulation.now
        await anyio.sleep(1)  # nobody spins, and no scope is left cancelled
        assert simulation.now == before + 1


@simulated
async def test_virtual_actors_are_stopped_together(simulation: Simulation[None]) -> None:
    async with simulation.system(stop_grace=60.0) as system:
        family = await system.virtual(lambda _: Scripted(ending=lambda _: anyio.sleep(3)), "family")
        for number in range(50):
            await family.ref(str(number)).ask(Say("hello"))
        before = simulation.now

        await system.stop(drain=False, grace=60.0)

        assert simulation.now == pytest.approx(before + 3)
