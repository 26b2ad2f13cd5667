"""API keys: found by their digest, bounded in number, revoked for good."""

import anyio
import pytest
from msgspec.structs import replace

from engine.domain.people import User
from engine.storage.repositories import ApiKey, Storage
from tests.storage.made import add_user, at, new_id

pytestmark = pytest.mark.anyio


@pytest.fixture
async def user(storage: Storage) -> User:
    return await add_user(storage, "Ada")


def a_key(user: User, name: str = "bot") -> ApiKey:
    return ApiKey(id=new_id(), user_id=user.id, name=name, created_at=at(0))


async def test_a_key_is_found_by_its_digest_and_listed(storage: Storage, user: User) -> None:
    first, second = a_key(user), a_key(user)
    assert await storage.api_keys.add(first, b"1", most=2)
    assert await storage.api_keys.add(second, b"2", most=2)
    await storage.api_keys.touch(second.id, at=at(5))

    assert await storage.api_keys.get(b"1") == first
    assert await storage.api_keys.get(b"3") is None
    assert await storage.api_keys.owned(user.id) == [first, replace(second, last_used_at=at(5))]


async def test_a_key_is_revoked_by_its_owner_only(storage: Storage, user: User) -> None:
    other, key = await add_user(storage, "Bob"), a_key(user)
    await storage.api_keys.add(key, b"1", most=2)

    assert await storage.api_keys.remove(other.id, key.id) is None
    assert await storage.api_keys.remove(user.id, "a\x00b") is None
    assert await storage.api_keys.remove(user.id, key.id) == b"1"
    assert await storage.api_keys.remove(user.id, key.id) is None
    assert await storage.api_keys.get(b"1") is None


async def test_many_added_at_once_stay_within_the_bound(storage: Storage, user: User) -> None:
    added: list[bool] = []

    async def add(number: int) -> None:
        added.append(await storage.api_keys.add(a_key(user), b"%d" % number, most=3))

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(add, number)

    assert sorted(added) == [False] * 5 + [True] * 3
