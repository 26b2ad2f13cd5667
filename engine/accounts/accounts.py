"""Accounts: who may come in, who they are, and what may be changed of them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Self

import anyio
import msgspec
import structlog
from msgspec import UNSET

from engine.accounts.api_keys import PREFIX, ApiKeys
from engine.accounts.directory import Directory
from engine.accounts.forms import AccountChanges, Identity, ProfileChanges, Registration, SignIn
from engine.accounts.lockout import Lockout
from engine.accounts.passwords import Passwords
from engine.accounts.quota import Quotas
from engine.accounts.sessions import Sessions
from engine.accounts.tokens import AccessTokens
from engine.activity.scribe import Record, Scribe, unrecorded
from engine.clock import Clock
from engine.domain.activity import UNKNOWN, Action, Detail, Origin
from engine.domain.fields import AccountRole, ParticipantId, ParticipantKind
from engine.domain.people import User
from engine.domain.quota import Quota, end_of, week_of
from engine.errors import Forbidden, InvalidRequest, NotFound, RateLimited, TryLater, Unauthenticated
from engine.settings import RegistrationPolicy, Settings, SettingsError
from engine.storage.records import login_key
from engine.storage.repositories import ApiKey, Family, Storage, Usage, Users
from engine.traffic import Courtesy

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_COUNTS_KEPT = timedelta(weeks=8)
"""How long the weekly counts of messages are kept."""
_WRONG = "the login or the password is wrong"


class Accounts:
    """Everything about people that is not about a timeline.

        accounts = Accounts.of(settings, storage, clock)
        ada = await accounts.register(Registration(email="ada@example.org", username="ada", password="..."))
        signed_in = await accounts.login("Ada@Example.org", "...")
        identity = await accounts.authenticate(signed_in.access_token)

    Every method that reads or writes may raise `StorageUnavailable`; `authenticate`, `user` and `current` do so only for
    people and sign-ins that were not seen lately.
    """

    def __init__(
        self,
        users: Users,
        directory: Directory,
        sessions: Sessions,
        passwords: Passwords,
        clock: Clock,
        *,
        usage: Usage,
        quotas: Quotas,
        scribe: Scribe,
        api_keys: ApiKeys,
        lockout: Lockout,
        registration: RegistrationPolicy = RegistrationPolicy.OPEN,
    ) -> None:
        self.quotas = quotas
        self.api_keys = api_keys
        self._lockout = lockout
        self._users = users
        self._usage = usage
        self._scribe = scribe
        self._directory = directory
        self._sessions = sessions
        self._passwords = passwords
        self._clock = clock
        self._registration = registration

    @classmethod
    def of(
        cls,
        settings: Settings,
        storage: Storage,
        clock: Clock,
        *,
        ttl: float = 2.0,
        time: Callable[[], float] = anyio.current_time,
        record: Record = unrecorded,
    ) -> Self:
        """Composed as the settings say. `ttl` (seconds) bounds what is remembered of people and sign-ins, `time` measures it.

        `record` is given the activity that accounts see.
        """
        if settings.secret_key is None:
            raise SettingsError("secret_key is not set")
        directory = Directory(storage.users, ttl=ttl, time=time)
        access = AccessTokens(settings.secret_key.get_secret_value(), seconds=settings.access_token_seconds)
        sessions = Sessions(
            storage.tokens,
            directory,
            access,
            clock,
            refresh_days=settings.refresh_token_days,
            gather=settings.refresh_gather,
            ttl=ttl,
            time=time,
        )
        passwords = Passwords(
            time_cost=settings.argon2_time_cost,
            memory_kib=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            workers=settings.argon2_workers,
        )
        return cls(
            storage.users,
            directory,
            sessions,
            passwords,
            clock,
            usage=storage.usage,
            quotas=Quotas(settings.weekly_messages),
            scribe=Scribe(clock, record),
            api_keys=ApiKeys(storage.api_keys, directory, storage.agents, clock, ttl=ttl, time=time),
            lockout=Lockout(settings.sign_in_failures, settings.sign_in_lock_seconds, time=time),
            registration=settings.registration,
        )

    async def register(self, registration: Registration, *, origin: Origin = UNKNOWN) -> User:
        """Open one's own account. `Conflict` names the field that is taken; `Forbidden` where people cannot register."""
        match self._registration:
            case RegistrationPolicy.OPEN:
                user = await self._add(registration, AccountRole.USER)
                self._scribe.note(Action.REGISTERED, user.id, origin=origin)
                return user
            case RegistrationPolicy.INVITE:
                raise Forbidden("this server is by invitation: ask its administrator for an account")
            case RegistrationPolicy.CLOSED:
                raise Forbidden("this server is closed for registration")

    async def create(self, username: str, email: str, password: str, *, admin: bool = False) -> User:
        """Open an account for someone, wherever the server stands on registration.

        `InvalidRequest` names the field that breaks a rule.
        """
        try:
            registration = msgspec.convert(
                {"username": username, "email": email, "password": password}, Registration, strict=True
            )
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$.")
            raise InvalidRequest.field(path.rstrip("`") or "account", reason) from None
        user = await self._add(registration, AccountRole.ADMIN if admin else AccountRole.USER)
        self._scribe.note(Action.ACCOUNT_CREATED, None, subject=user.id, role=user.role.value)
        return user

    async def login(self, login: str, password: str, *, origin: Origin = UNKNOWN) -> SignIn:
        """Sign in by email or username, in any case. An unknown login and a wrong password are answered alike, in like time.

        `RateLimited` after too many wrong passwords from one address.
        """
        found = await self._users.by_login(login)
        account = None if found is None else found[0].id
        try:
            with self._lockout.attempt(account or login_key(login), origin.ip):
                user, password_hash = await self._check(found, password)
        except (Unauthenticated, RateLimited) as refusal:
            self._scribe.note(Action.SIGN_IN_REFUSED, account, origin=origin, reason=_reason(refusal))
            raise
        if self._passwords.outdated(password_hash):
            # Best effort: who cannot be rehashed now will be the next time.
            with suppress(TryLater):
                await self._users.set_password(user.id, await self._passwords.hash(password))
        signed_in = await self._sessions.begin(user, client=origin.client)
        self._scribe.note(Action.SIGNED_IN, user.id, origin=origin)
        return signed_in

    async def _check(self, found: tuple[User, str] | None, password: str) -> tuple[User, str]:
        """Whose password this is, and its hash; `Unauthenticated` when it is nobody's, or of somebody deactivated."""
        password_hash = None if found is None else found[1]
        if not await self._passwords.matches(password, password_hash) or found is None:
            raise Unauthenticated(_WRONG)
        # The account as it is now, not as it was when the password was looked up.
        return await self._directory.current(found[0].id), found[1]

    async def refresh(self, refresh_token: str) -> SignIn:
        """See `Sessions.refresh`."""
        return await self._sessions.refresh(refresh_token)

    async def logout(self, family_id: str) -> None:
        """End one sign-in: its tokens are refused from now on. Doing it again changes nothing."""
        await self._sessions.end(family_id)

    async def logout_by(self, refresh_token: str) -> None:
        """End the sign-in that a refresh token belongs to, exchanged or not; `Unauthenticated` when it is none of ours."""
        await self._sessions.end_by(refresh_token)

    async def sign_ins(self, user_id: ParticipantId) -> list[Family]:
        """See `Sessions.of`."""
        return await self._sessions.of(user_id)

    async def end_sign_in(self, user_id: ParticipantId, family_id: str, *, origin: Origin = UNKNOWN) -> None:
        """End one of one's sign-ins, wherever it is: its tokens are refused from now on. `NotFound`."""
        await self._sessions.end_one(user_id, family_id)
        self._scribe.note(Action.SIGNED_OUT, user_id, subject=family_id, origin=origin)

    async def end_other_sign_ins(self, user_id: ParticipantId, family_id: str, *, origin: Origin = UNKNOWN) -> None:
        """End all of one's sign-ins but this one."""
        for ended in await self._sessions.end_all(user_id, but=family_id):
            self._scribe.note(Action.SIGNED_OUT, user_id, subject=ended, origin=origin)

    def watch_sign_ins(self, listener: Callable[[str], None]) -> None:
        """See `Sessions.watch`."""
        self._sessions.watch(listener)

    async def authenticate(self, access_token: str) -> Identity:
        """See `Sessions.authenticate`; an API key will do as well.

        Cheap: no hashing, and the database only for whom it was not asked lately.
        """
        if access_token.startswith(PREFIX):
            return await self.api_keys.authenticate(access_token)
        return await self._sessions.authenticate(access_token)

    async def make_api_key(
        self,
        user_id: ParticipantId,
        name: str,
        *,
        agent_id: ParticipantId | None = None,
        origin: Origin = UNKNOWN,
    ) -> tuple[ApiKey, str]:
        """See `ApiKeys.make`."""
        key, secret = await self.api_keys.make(user_id, name, agent_id=agent_id)
        self._scribe.note(Action.API_KEY_MADE, user_id, subject=key.id, origin=origin)
        return key, secret

    async def revoke_api_key(self, user_id: ParticipantId, key_id: str, *, origin: Origin = UNKNOWN) -> None:
        """See `ApiKeys.revoke`."""
        await self.api_keys.revoke(user_id, key_id)
        self._scribe.note(Action.API_KEY_REVOKED, user_id, subject=key_id, origin=origin)

    async def current(self, user_id: ParticipantId) -> User:
        """Someone already authenticated, as they are now; `Unauthenticated` once deactivated. Cheap enough for each command."""
        return await self._directory.current(user_id)

    async def still(self, user: User) -> User:
        """See `current`; agents are what they are: it is their keys that end."""
        return user if user.participant.kind is ParticipantKind.AGENT else await self.current(user.id)

    async def user(self, user_id: ParticipantId) -> User:
        """Anyone, active or not; `NotFound`."""
        return await self._directory.user(user_id)

    async def find(self, login: str) -> User:
        """Whoever has this email or username, in any case; `NotFound`."""
        found = await self._users.by_login(login)
        if found is None:
            raise NotFound("there is no such person")
        return found[0]

    async def named(self, name: str) -> User:
        """Whoever has this username, in any case, or this id; `NotFound`. An email finds nobody: it is not public."""
        with suppress(NotFound):
            return await self.user(ParticipantId(name))
        if "@" in name:
            raise NotFound("there is no such person")
        return await self.find(name)

    async def search(
        self, prefix: str, *, after: ParticipantId | None = None, limit: int = 50, inactive: bool = False
    ) -> list[User]:
        """Accounts whose username begins with `prefix`, in any case, by id upwards from `after`; active ones, or all."""
        return await self._users.search(prefix, after=after, limit=limit, inactive=inactive)

    async def search_by_quota(
        self, prefix: str, *, reached: bool, after: ParticipantId | None = None, limit: int = 50
    ) -> list[User]:
        """Accounts, active or not, that have reached their quota of this week, or have not; the rest is as in `search`."""
        week = week_of(self._clock.now())
        return await self._usage.search(
            prefix, week=week, default=self.quotas.default, reached=reached, after=after, limit=limit
        )

    async def quota(self, user: User) -> Quota:
        """How much of this week's quota somebody has used."""
        week = week_of(self._clock.now())
        used = await self._usage.used(user.id, week)
        return Quota(limit=self.quotas.limit(user.principal), used=used, resets_at=end_of(week))

    async def update_profile(self, user_id: ParticipantId, changes: ProfileChanges) -> User:
        """Change one's own account."""
        return await self._directory.change(user_id, _given(changes))

    async def administrate(
        self,
        user_id: ParticipantId,
        changes: AccountChanges,
        *,
        by: ParticipantId | None = None,
        origin: Origin = UNKNOWN,
    ) -> User:
        """Change anyone's role, activity or quota. Who is deactivated is refused at once, and every sign-in of theirs has ended.

        If the latter fails (`StorageUnavailable`), they are refused all the same; deactivating them again completes it. `by` is
        the administrator who does it, None for the operator of the server.
        """
        before, user = await self._directory.difference(user_id, _given(changes))
        for action, details in _differences(before, user):
            self._scribe.note(action, by, subject=user_id, origin=origin, **details)
        if changes.active is False:
            await self._sessions.end_all(user_id)
        log.info(
            "account.administrated",
            user_id=user_id,
            role=user.role,
            active=user.active,
            weekly_messages=user.weekly_messages,
        )
        return user

    def watch(self, listener: Callable[[User], None]) -> None:
        """Call `listener` after every change of an account, made here or noticed later. It must neither wait nor raise."""
        self._directory.watch(listener)

    async def read_ahead(self, courtesy: Courtesy) -> None:
        """See `Directory.read_ahead`."""
        await self._directory.read_ahead(courtesy)

    async def purge(self) -> int:
        """Forget expired refresh tokens, and counts of messages that are weeks old; tells how many. Worth doing daily."""
        await self._usage.purge(before=week_of(self._clock.now()) - _COUNTS_KEPT)
        return await self._sessions.purge()

    async def _add(self, registration: Registration, role: AccountRole) -> User:
        user = User(
            id=ParticipantId(self._clock.new_id()),
            email=registration.email.lower(),
            username=registration.username,
            language=registration.language,
            role=role,
            created_at=self._clock.now(),
        )
        password_hash = await self._passwords.hash(registration.password)
        await self._directory.add(user, password_hash, epoch=self._clock.new_id())
        log.info("account.created", user_id=user.id, role=role)
        return user


def _given(changes: ProfileChanges | AccountChanges) -> dict[str, object]:
    return {field: value for field, value in msgspec.structs.asdict(changes).items() if value is not UNSET}


def _differences(before: User, after: User) -> Iterator[tuple[Action, dict[str, Detail]]]:
    """What an administrator has changed."""
    if before.role is not after.role:
        yield Action.ROLE_CHANGED, {"role": after.role.value}
    if before.active is not after.active:
        yield (Action.REACTIVATED if after.active else Action.DEACTIVATED), {}
    if before.weekly_messages != after.weekly_messages:
        yield Action.QUOTA_CHANGED, {"weekly_messages": after.weekly_messages}


def _reason(refusal: Exception) -> str:
    if isinstance(refusal, RateLimited):
        return "too many attempts"
    return "wrong login or password" if str(refusal) == _WRONG else "deactivated"
