"""Who is connected: several clients of one person, grace, and who hears of it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.domain.fields import Availability, ParticipantId, Status
from engine.presence import People
from tests.storage.made import a_user

pytestmark = pytest.mark.anyio

GRACE = 5.0
ADA, BEN = a_user("ada"), a_user("ben")


class Follower:
    """Counts how often it is woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> bool:
        self.woken += 1
        return True


class Time:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def people(time: Time) -> People:
    return People(time, grace=GRACE)


async def test_several_devices_of_one_person_count_once(people: People, time: Time) -> None:
    people.connected(ADA, "phone")
    people.connected(ADA, "laptop")
    people.disconnected(ADA.id, "phone")
    time.now += 2 * GRACE
    await people.sweep()

    assert len(people) == 1
    assert people.of(ADA.id) is Availability.AVAILABLE
    assert people.of(BEN.id) is Availability.OFFLINE


async def test_a_person_is_offline_when_the_grace_after_their_last_client_is_over(people: People, time: Time) -> None:
    people.connected(ADA, "phone")
    people.disconnected(ADA.id, "phone")

    time.now += GRACE - 0.1
    await people.sweep()
    during = people.of(ADA.id)
    time.now += 0.1
    await people.sweep()

    assert (during, people.of(ADA.id)) == (Availability.AVAILABLE, Availability.OFFLINE)


async def test_a_reconnection_within_the_grace_is_not_seen_by_anyone(people: People, time: Time) -> None:
    follower = Follower()
    people.connected(ADA, "phone")
    people.follow(follower.wake).add([ADA.id])

    people.disconnected(ADA.id, "phone")
    time.now += GRACE - 0.1
    await people.sweep()
    people.connected(ADA, "phone again")
    time.now += GRACE
    await people.sweep()

    assert people.of(ADA.id) is Availability.AVAILABLE
    assert follower.woken == 0


async def test_what_they_say_of_themselves_counts_while_they_are_connected(people: People) -> None:
    busy = replace(ADA, status=Status.BUSY)

    people.account_changed(busy)
    before = people.of(ADA.id)
    people.connected(ADA, "phone")
    people.account_changed(busy)

    assert (before, people.of(ADA.id)) == (Availability.OFFLINE, Availability.BUSY)


async def test_many_changes_wake_a_follower_once_until_it_looks(people: People) -> None:
    follower = Follower()
    following = people.follow(follower.wake)
    following.add([ADA.id, BEN.id])

    people.connected(ADA, "phone")
    people.account_changed(replace(ADA, status=Status.AWAY))
    people.connected(BEN, "phone")

    assert follower.woken == 1
    assert following.take() == [ADA.id, BEN.id]
    people.account_changed(ADA)
    assert follower.woken == 2


async def test_a_follower_that_could_not_be_woken_is_tried_again(people: People) -> None:
    answers = [False, True]
    following = people.follow(lambda: answers.pop(0))
    following.add([ADA.id])

    people.connected(ADA, "phone")
    await people.sweep()
    await people.sweep()

    assert answers == []
    assert following.take() == [ADA.id]


async def test_who_does_not_listen_is_woken_when_it_does_again(people: People) -> None:
    follower = Follower()
    following = people.follow(follower.wake)
    following.add([ADA.id])
    following.listening = False

    people.connected(ADA, "phone")
    silent = follower.woken
    following.listening = True

    assert (silent, follower.woken) == (0, 1)


async def test_nothing_is_left_of_those_who_have_gone(people: People, time: Time) -> None:
    following = people.follow(lambda: True)
    following.add([ADA.id, BEN.id])
    people.connected(ADA, "phone")
    following.close()

    people.disconnected(ADA.id, "phone")
    time.now += GRACE
    await people.sweep()

    kept = (people._clients, people._availability, people._leaving, people._followings, people._unheard)
    assert not any(kept)
    assert following.take() == []


_STEPS = st.lists(
    st.tuples(st.sampled_from(["comes", "goes", "waits"]), st.sampled_from("ab"), st.sampled_from("123")), max_size=40
)


@given(_STEPS)
async def test_presence_follows_a_plain_count_of_clients(steps: list[tuple[str, str, str]]) -> None:
    time = Time()
    people = People(time, grace=GRACE)
    users = {"a": ADA, "b": BEN}
    clients: Counter[str] = Counter()
    connected: set[tuple[str, str]] = set()
    gone_at: dict[str, float] = {}
    told = dict.fromkeys((ADA.id, BEN.id), Availability.OFFLINE)
    following = people.follow(lambda: True)
    following.add(told)

    for step, who, client in steps:
        if step == "comes":
            people.connected(users[who], f"{who}{client}")
            connected.add((who, client))
        elif step == "goes":
            people.disconnected(users[who].id, f"{who}{client}")
            if (who, client) in connected and len([1 for each, _ in connected if each == who]) == 1:
                gone_at[who] = time.now
            connected.discard((who, client))
        else:
            time.now += GRACE / 2
            await people.sweep()
        clients = Counter(each for each, _ in connected)
        for each, user in users.items():
            lingering = each in gone_at and time.now < gone_at[each] + GRACE
            expected = Availability.AVAILABLE if clients[each] or lingering else Availability.OFFLINE
            assert people.of(user.id) is expected
        for changed in following.take():
            told[ParticipantId(changed)] = people.of(changed)
        assert told == {user.id: people.of(user.id) for user in users.values()}
