"""Passwords: hashed with Argon2id (RFC 9106), in worker threads, a few at a time."""

import unicodedata
from base64 import b64encode
from functools import partial

import anyio.to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import Overloaded

_HASH_BYTES = 32
_SALT_BYTES = 16


class Passwords:
    """Hashes and checks passwords.

    The defaults are OWASP's second choice for Argon2id (19 MiB, two passes, one lane): about 20 ms of one core. `workers` is
    how many are computed at once, which bounds the memory; more than `waiting` callers in line are told `Overloaded`.

    Cancelling a call waits for the computation under way, which cannot be interrupted.
    """

    def __init__(
        self,
        *,
        time_cost: int = 2,
        memory_kib: int = 19_456,
        parallelism: int = 1,
        workers: int = 2,
        waiting: int = 512,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost, memory_kib, parallelism, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES, type=Type.ID
        )
        self._limiter = anyio.CapacityLimiter(workers)
        self._waiting = waiting
        self._nobody = _hash_of_nothing(time_cost, memory_kib, parallelism)

    async def hash(self, password: str) -> str:
        """The encoded hash, with its parameters and a fresh salt."""
        self._admit()
        return await anyio.to_thread.run_sync(partial(self._hasher.hash, _octets(password)), limiter=self._limiter)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether the password belongs to this hash.

        None (there is no such account) takes as long as a wrong password and is False: response times do not tell who exists.
        """
        self._admit()
        good = await anyio.to_thread.run_sync(
            partial(self._verify, _octets(password), password_hash or self._nobody), limiter=self._limiter
        )
        return good and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    def _admit(self) -> None:
        if self._limiter.statistics().tasks_waiting >= self._waiting:
            raise Overloaded("too many people are signing in at this moment")

    def _verify(self, password: bytes, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _octets(password: str) -> bytes:
    """The same bytes for the same characters, whichever way a keyboard composes them (RFC 8265, OpaqueString: NFC)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _hash_of_nothing(time_cost: int, memory_kib: int, parallelism: int) -> str:
    """An encoded hash that costs as much as any to check and that no password is known to have."""
    salt, digest = (b64encode(bytes(size)).decode().rstrip("=") for size in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={memory_kib},t={time_cost},p={parallelism}${salt}${digest}"
