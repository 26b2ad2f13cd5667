"""Sign-ins: families of refresh tokens, and the access tokens that they vouch for.

One sign-in on one device is a family. Its refresh token is exchanged for the next one each time (rotation); a token that comes
back after it was exchanged has been copied, so the whole family ends (RFC 9700, section 4.14.2). Several exchanges of one
token at the same time, as from the tabs of one browser, are one exchange with one answer.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import anyio
import structlog

from engine.accounts.directory import Directory
from engine.accounts.forms import Identity, SignIn
from engine.accounts.recent import Recent
from engine.accounts.tokens import AccessTokens, new_refresh_token, refresh_digest
from engine.clock import Clock
from engine.domain.fields import ParticipantId
from engine.domain.people import User
from engine.errors import Conflict, EngineError, NotFound, Unauthenticated
from engine.storage.repositories import Family, RefreshToken, Tokens

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _Exchange:
    """One exchange of one refresh token, shared by all who ask for it while it goes on.

    `successor` is chosen once, so that an exchange whose caller was cancelled midway is finished by the next one instead of
    being taken for a copied token.
    """

    __slots__ = ("answer", "callers", "refusal", "successor", "turn")

    def __init__(self) -> None:
        self.successor = new_refresh_token()
        self.turn = anyio.Lock()
        self.callers = 0
        self.answer: SignIn | None = None
        self.refusal: EngineError | None = None


class Sessions:
    """Begins, continues and ends sign-ins.

    `gather` (seconds) is how long an exchange waits before it is answered, so that others that were sent at the same time find it
    still going on. `ttl` is how long (seconds) another process's ending of a family may go unnoticed.
    """

    def __init__(
        self,
        tokens: Tokens,
        directory: Directory,
        access: AccessTokens,
        clock: Clock,
        *,
        refresh_days: int = 30,
        gather: float = 0.0,
        ttl: float = 2.0,
        time: Callable[[], float] = anyio.current_time,
    ) -> None:
        self._tokens = tokens
        self._directory = directory
        self._access = access
        self._clock = clock
        self._lifetime = timedelta(days=refresh_days)
        self._gather = gather
        self._ended = Recent(self._read_ended, ttl=ttl, time=time)
        self._exchanges: dict[bytes, _Exchange] = {}
        self._listeners: list[Callable[[str], None]] = []

    async def begin(self, user: User, *, client: str | None = None) -> SignIn:
        """A new family; `client` is what signs in, in its own words."""
        refresh_token, family_id = new_refresh_token(), self._clock.new_id()
        stored = self._stored(refresh_token, family_id, user.id)
        await self._tokens.add(stored, at=self._clock.now(), client=client)
        self._ended.put(family_id, value=False)
        return self._signed_in(user, family_id, refresh_token)

    async def refresh(self, refresh_token: str) -> SignIn:
        """Exchange a refresh token for a new pair; all who ask while this goes on get the same answer.

        `Unauthenticated` when it is unknown, expired or of an ended family, and when it was exchanged before: that ends the
        family. `Conflict` when another process exchanged it at this moment: the family lives. Cancelling one caller leaves
        the others their answer.
        """
        digest = refresh_digest(refresh_token)
        exchange = self._exchanges.get(digest)
        if exchange is None:
            exchange = self._exchanges[digest] = _Exchange()
        exchange.callers += 1
        try:
            async with exchange.turn:
                # The first in line does it, the others find it done; a cancelled one hands over to the next.
                if exchange.answer is None and exchange.refusal is None:
                    await self._perform(exchange, digest)
        finally:
            exchange.callers -= 1
            if not exchange.callers:
                del self._exchanges[digest]
        if exchange.answer is None:
            raise exchange.refusal or AssertionError("an exchange ends with an answer or a refusal")
        return exchange.answer

    async def authenticate(self, access_token: str) -> Identity:
        """Whom an access token speaks for now.

        `Unauthenticated` when it is forged or malformed, its family has ended, or its person is deactivated; `TokenExpired`.
        """
        claims = self._access.read(access_token, now=self._clock.now())
        if await self._ended.get(claims.fam) is not False:
            raise Unauthenticated("this sign-in has ended: sign in again")
        return Identity(await self._directory.current(claims.sub), claims.fam, claims.expires_at)

    async def end(self, family_id: str) -> None:
        """End a family: its refresh and access tokens are refused from now on."""
        await self._tokens.revoke_family(family_id, at=self._clock.now())
        self._has_ended(family_id)

    async def end_by(self, refresh_token: str) -> None:
        """End the family of a refresh token, exchanged or not; `Unauthenticated` when it is unknown."""
        token = await self._tokens.get(refresh_digest(refresh_token))
        if token is None:
            raise Unauthenticated("the refresh token is not valid")
        await self.end(token.family_id)

    async def of(self, user_id: ParticipantId) -> list[Family]:
        """The sign-ins of a person that are good, the last used first."""
        return await self._tokens.alive(user_id, at=self._clock.now())

    async def end_one(self, user_id: ParticipantId, family_id: str) -> None:
        """End a family of this person; `NotFound` when there is none that is good."""
        if not await self._tokens.revoke_family(family_id, at=self._clock.now(), of=user_id):
            raise NotFound("there is no such sign-in")
        self._has_ended(family_id)

    async def end_all(self, user_id: ParticipantId, *, but: str | None = None) -> list[str]:
        """End every family of a person, but one. Answers which ones that were."""
        ended = await self._tokens.revoke_user(user_id, at=self._clock.now(), but=but)
        for family_id in ended:
            self._has_ended(family_id)
        return ended

    def watch(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of every family that is ended here. It must neither wait nor raise."""
        self._listeners.append(listener)

    async def purge(self) -> int:
        """Forget the refresh tokens that have expired; tells how many."""
        return await self._tokens.purge(expired_before=self._clock.now())

    def _has_ended(self, family_id: str) -> None:
        self._ended.put(family_id, value=True)
        for listener in self._listeners:
            listener(family_id)

    async def _perform(self, exchange: _Exchange, digest: bytes) -> None:
        try:
            exchange.answer = await self._exchange(digest, exchange.successor)
        except EngineError as refusal:
            exchange.refusal = refusal
        else:
            await anyio.sleep(self._gather)

    async def _exchange(self, digest: bytes, successor: str) -> SignIn:
        token = await self._tokens.get(digest)
        if token is None or token.revoked_at is not None:
            raise Unauthenticated("the refresh token is not valid: sign in again")
        if token.rotated_at is not None and not await self._is_stored(successor):
            log.warning("refresh_token.reused", family_id=token.family_id, user_id=token.user_id)
            await self.end(token.family_id)
            raise Unauthenticated("the refresh token was used before: this sign-in has ended, sign in again")
        now = self._clock.now()
        if now >= token.expires_at:
            raise Unauthenticated("the refresh token has expired: sign in again")
        user = await self._directory.current(token.user_id)
        if token.rotated_at is None:
            rotated = await self._tokens.rotate(digest, self._stored(successor, token.family_id, token.user_id), at=now)
            if not rotated and not await self._is_stored(successor):
                await self._refuse_lost_race(digest)
        return self._signed_in(user, token.family_id, successor)

    async def _is_stored(self, refresh_token: str) -> bool:
        return await self._tokens.get(refresh_digest(refresh_token)) is not None

    async def _refuse_lost_race(self, digest: bytes) -> None:
        """Somebody else exchanged or ended it since it was read. That is no sign of a copy, so the family is left alone."""
        token = await self._tokens.get(digest)
        if token is None or token.revoked_at is not None:
            raise Unauthenticated("this sign-in has ended: sign in again")
        raise Conflict("the refresh token is being exchanged elsewhere at this moment")

    def _stored(self, refresh_token: str, family_id: str, user_id: ParticipantId) -> RefreshToken:
        return RefreshToken(
            digest=refresh_digest(refresh_token),
            family_id=family_id,
            user_id=user_id,
            expires_at=self._clock.now() + self._lifetime,
        )

    def _signed_in(self, user: User, family_id: str, refresh_token: str) -> SignIn:
        return SignIn(
            access_token=self._access.sign(user.id, family_id, now=self._clock.now()),
            expires_in=self._access.seconds,
            refresh_token=refresh_token,
            user=user,
        )

    async def _read_ended(self, family_ids: Sequence[str]) -> dict[str, bool]:
        return {family_id: await self._tokens.family_revoked(family_id) for family_id in family_ids}
