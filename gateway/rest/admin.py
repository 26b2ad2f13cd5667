"""What administrators see and change: the live actor tree, figures, and people's accounts."""

from typing import Final

import msgspec
from aiohttp import web

from actors.tree import Node, nodes
from engine.accounts.forms import AccountChanges
from engine.agents.models import ModelsStatus
from engine.domain.activity import Origin
from engine.domain.fields import AccountRole, ParticipantId
from engine.domain.people import Principal, User
from engine.engine import Engine
from engine.errors import Conflict
from engine.interpreting.status import TranslationReport
from gateway.rest.endpoints import Access, Endpoint, get, patch
from gateway.rest.health import LIFECYCLE
from gateway.rest.pages import Page, PageQuery, page


class AccountsQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which page of which accounts. `quota_exceeded=true`: those that have reached this week's quota; `false`: the others."""

    quota_exceeded: bool | None = None


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The process at this moment. `handled` and `dead_letters` count messages between actors since it started.

    `uptime` is in seconds; `waiting` is the number of messages in all mailboxes.
    """

    uptime: float
    actors: int
    waiting: int
    handled: int
    restarts: int
    dead_letters: dict[str, int]


async def read_actors(engine: Engine) -> Node:
    """The live actor tree."""
    return engine.system.tree()


async def read_stats(request: web.Request, engine: Engine) -> Stats:
    """How the process is doing."""
    all_nodes = list(nodes(engine.system.tree()))
    return Stats(
        uptime=request.app[LIFECYCLE].uptime,
        actors=len(all_nodes),
        waiting=sum(node.depth for node in all_nodes),
        handled=sum(node.handled for node in all_nodes),
        restarts=sum(node.restarts for node in all_nodes),
        dead_letters=dict(engine.system.dead_letters.counts),
    )


async def read_models(engine: Engine) -> ModelsStatus:
    """The chat models: what they are asked, what became of it, the tokens used, and how their providers are doing."""
    return engine.models.status()


async def read_translation(engine: Engine) -> TranslationReport:
    """How the translators are doing, and what was done with their work."""
    return await engine.interpreting.status()


async def list_accounts(engine: Engine, query: AccountsQuery) -> Page[User]:
    """Accounts, deactivated ones too, whose username begins with `query`; `quota_exceeded` picks by this week's quota."""
    after, prefix, most = (
        None if query.after is None else ParticipantId(query.after),
        query.query or "",
        query.limit + 1,
    )
    if query.quota_exceeded is None:
        users = await engine.accounts.search(prefix, after=after, limit=most, inactive=True)
    else:
        users = await engine.accounts.search_by_quota(prefix, reached=query.quota_exceeded, after=after, limit=most)
    return page(users, query.limit, lambda user: user.id)


async def change_account(
    engine: Engine, by: Principal, origin: Origin, user_id: ParticipantId, body: AccountChanges
) -> User:
    """Change someone's role or weekly quota, or deactivate them: they are signed out everywhere at once.

    Nobody can shut themselves out. `weekly_messages` null gives someone the server's quota.
    """
    if by.id == user_id and (body.active is False or body.role is AccountRole.USER):
        raise Conflict("another administrator has to do this to your own account")
    return await engine.accounts.administrate(user_id, body, by=by.id, origin=origin)


_TAG: Final = "Administration"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    get("/admin/actors", read_actors, tag=_TAG, access=Access.ADMIN),
    get("/admin/stats", read_stats, tag=_TAG, access=Access.ADMIN),
    get("/admin/models", read_models, tag=_TAG, access=Access.ADMIN),
    get("/admin/translation", read_translation, tag=_TAG, access=Access.ADMIN),
    get("/admin/users", list_accounts, tag=_TAG, access=Access.ADMIN),
    patch("/admin/users/{user_id}", change_account, tag=_TAG, access=Access.ADMIN, problems=("conflict",)),
)
