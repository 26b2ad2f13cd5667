"""Refresh tokens and their families."""

import pytest
from msgspec.structs import replace

from engine.domain.people import User
from engine.storage.repositories import Storage
from tests.storage.made import a_token, add_user, at

pytestmark = pytest.mark.anyio


@pytest.fixture
async def user(storage: Storage) -> User:
    return await add_user(storage, "Ada")


async def test_a_token_is_found_by_its_digest(storage: Storage, user: User) -> None:
    token = a_token(user)

    await storage.tokens.add(token, at=at(0))

    assert await storage.tokens.get(token.digest) == token
    assert await storage.tokens.get(b"unknown") is None


async def test_rotation_marks_a_token_and_stores_its_successor(storage: Storage, user: User) -> None:
    token = a_token(user)
    successor = a_token(user, token.family_id, expires=7200)
    await storage.tokens.add(token, at=at(0))

    assert await storage.tokens.rotate(token.digest, successor, at=at(1))

    assert await storage.tokens.get(token.digest) == replace(token, rotated_at=at(1))
    assert await storage.tokens.get(successor.digest) == successor


async def test_a_token_is_rotated_once(storage: Storage, user: User) -> None:
    token = a_token(user)
    await storage.tokens.add(token, at=at(0))
    await storage.tokens.rotate(token.digest, a_token(user, token.family_id), at=at(1))
    second = a_token(user, token.family_id)

    assert not await storage.tokens.rotate(token.digest, second, at=at(2))

    assert await storage.tokens.get(second.digest) is None
    assert await storage.tokens.get(token.digest) == replace(token, rotated_at=at(1))


async def test_a_revoked_family_rotates_no_more(storage: Storage, user: User) -> None:
    token = a_token(user)
    await storage.tokens.add(token, at=at(0))
    await storage.tokens.revoke_family(token.family_id, at=at(1))
    successor = a_token(user, token.family_id)

    assert not await storage.tokens.rotate(token.digest, successor, at=at(2))

    assert await storage.tokens.get(successor.digest) is None
    assert await storage.tokens.get(token.digest) == replace(token, revoked_at=at(1))


async def test_an_unknown_token_is_not_rotated(storage: Storage, user: User) -> None:
    assert not await storage.tokens.rotate(b"unknown", a_token(user), at=at(1))


async def test_revoking_a_family_ends_all_its_tokens_once_and_no_other(storage: Storage, user: User) -> None:
    token, other = a_token(user), a_token(user)
    successor = a_token(user, token.family_id)
    await storage.tokens.add(token, at=at(0))
    await storage.tokens.add(other, at=at(0))
    await storage.tokens.rotate(token.digest, successor, at=at(1))

    await storage.tokens.revoke_family(token.family_id, at=at(2))
    await storage.tokens.revoke_family(token.family_id, at=at(3))
    await storage.tokens.revoke_family("unknown", at=at(3))

    assert await storage.tokens.get(successor.digest) == replace(successor, revoked_at=at(2))
    assert await storage.tokens.family_revoked(token.family_id)
    assert not await storage.tokens.family_revoked(other.family_id)


async def test_a_family_that_never_was_counts_as_revoked(storage: Storage) -> None:
    assert await storage.tokens.family_revoked("unknown")
    assert await storage.tokens.family_revoked("a\x00b")


async def test_a_person_sees_the_families_that_are_good_the_last_used_first(storage: Storage, user: User) -> None:
    bob = await add_user(storage, "Bob")
    phone, laptop, gone, expired, foreign = (
        a_token(user),
        a_token(user),
        a_token(user),
        a_token(user, expires=5),
        a_token(bob),
    )
    for second, token in enumerate((phone, laptop, gone, expired, foreign)):
        await storage.tokens.add(token, at=at(second), client=f"client {second}")
    await storage.tokens.rotate(phone.digest, a_token(user, phone.family_id, expires=7200), at=at(6))
    await storage.tokens.revoke_family(gone.family_id, at=at(7))

    seen = await storage.tokens.alive(user.id, at=at(8))

    assert [(each.id, each.client, each.created_at, each.last_used_at, each.expires_at) for each in seen] == [
        (phone.family_id, "client 0", at(0), at(6), at(7200)),
        (laptop.family_id, "client 1", at(1), at(1), laptop.expires_at),
    ]


async def test_a_family_is_revoked_for_its_owner_alone_and_all_others_at_once(storage: Storage, user: User) -> None:
    bob = await add_user(storage, "Bob")
    here, there, ended = a_token(user), a_token(user), a_token(user)
    for token in (here, there, ended):
        await storage.tokens.add(token, at=at(0))
    tokens = storage.tokens

    refused = [
        await tokens.revoke_family(ended.family_id, at=at(1), of=bob.id),
        await tokens.revoke_family("unknown", at=at(1), of=user.id),
        await tokens.revoke_family("a\x00b", at=at(1), of=user.id),
    ]
    once = await tokens.revoke_family(ended.family_id, at=at(1), of=user.id)
    again = await tokens.revoke_family(ended.family_id, at=at(2), of=user.id)

    assert (refused, once, again) == ([False, False, False], True, False)
    assert await tokens.revoke_user(user.id, at=at(3), but=here.family_id) == [there.family_id]
    assert not await tokens.family_revoked(here.family_id)
    assert await tokens.family_revoked(there.family_id)


async def test_revoking_a_person_ends_all_their_families(storage: Storage, user: User) -> None:
    bob = await add_user(storage, "Bob")
    tokens = [a_token(user), a_token(user), a_token(bob)]
    for token in tokens:
        await storage.tokens.add(token, at=at(0))
    await storage.tokens.revoke_family(tokens[0].family_id, at=at(1))

    await storage.tokens.revoke_user(user.id, at=at(2))

    states = [await storage.tokens.get(token.digest) for token in tokens]
    assert [state and state.revoked_at for state in states] == [at(1), at(2), None]


async def test_expired_tokens_are_forgotten_and_counted(storage: Storage, user: User) -> None:
    old, middle, fresh = a_token(user, expires=1), a_token(user, expires=2), a_token(user, expires=9)
    successor = a_token(user, middle.family_id, expires=10)
    for token in (old, middle, fresh):
        await storage.tokens.add(token, at=at(0))
    await storage.tokens.rotate(middle.digest, successor, at=at(1))

    assert await storage.tokens.purge(expired_before=at(3)) == 2

    assert [await storage.tokens.get(token.digest) for token in (old, middle, fresh, successor)] == [
        None,
        None,
        fresh,
        successor,
    ]
    assert await storage.tokens.family_revoked(old.family_id)
    assert not await storage.tokens.family_revoked(middle.family_id)
    assert await storage.tokens.purge(expired_before=at(3)) == 0
