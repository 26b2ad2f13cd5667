"""The frames of the Centrifuge client protocol in its JSON form, without I/O.

The authority is `client.proto` of github.com/centrifugal/protocol. A frame holds one or several JSON objects, one on each
line. From the client they are commands, and `{}` is a pong; to the client they are replies (with the command's `id`) or
pushes (without), and `{}` is a ping:

    >>> [command.rpc.method for command in decode_frame(b'{"id":1,"rpc":{"method":"post","data":{}}}')]
    ['post']
    >>> unsubscribe_push("room:7", Unsubscribed(2000, "not a member"))
    b'{"push":{"channel":"room:7","unsubscribe":{"code":2000,"reason":"not a member"}}}'

The envelope is read liberally, because newer clients send members that we do not know; what stands in `data` is left as it is.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec

from engine.timelines.commands import Subscriptions
from engine.timelines.fanout import ClientInfo, Publication
from gateway.realtime.codes import Disconnect, ErrorReply, Unsubscribed

REJECT_UNRECOVERED = 2
"""The subscription flag that asks for error 112 in place of `"recovered":false`."""

_MAX_ID = 2**32 - 1
_Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_ABSENT = msgspec.Raw(b"null")


class Malformed(Exception):
    """The frame is not the protocol: not JSON, not an object, or a command without an id."""


class SubscribeRequest(msgspec.Struct, frozen=True):
    """`recover` asks for what was published after `offset` in the life `epoch` of the log. `data` is the application's."""

    channel: str = ""
    data: msgspec.Raw = _ABSENT
    recover: bool = False
    epoch: str = ""
    offset: _Offset = 0
    flag: int = 0


class ConnectRequest(msgspec.Struct, frozen=True):
    """`subs` holds the positions of the server-side subscriptions that the client had before."""

    token: str = ""
    name: str = ""
    subs: dict[str, SubscribeRequest] | None = None


class RefreshRequest(msgspec.Struct, frozen=True):
    """A fresh token for the connection."""

    token: str = ""


class ChannelRequest(msgspec.Struct, frozen=True):
    """What unsubscribe, presence and presence_stats say."""

    channel: str = ""


class PublishRequest(msgspec.Struct, frozen=True):
    """Data for a channel."""

    channel: str = ""
    data: msgspec.Raw = _ABSENT


class StreamPosition(msgspec.Struct, frozen=True):
    """A place in a channel's log."""

    offset: _Offset = 0
    epoch: str = ""


class HistoryRequest(msgspec.Struct, frozen=True):
    """`limit` 0 asks for the position only, -1 for as much as the server gives."""

    channel: str = ""
    limit: Annotated[int, msgspec.Meta(ge=-1, le=2**31 - 1)] = 0
    since: StreamPosition | None = None
    reverse: bool = False


class RpcRequest(msgspec.Struct, frozen=True):
    """A method of the application and its data, undecoded."""

    method: str = ""
    data: msgspec.Raw = _ABSENT


class Emulated(msgspec.Struct, frozen=True):
    """How commands that come beside the connection find it: `session` is a secret of the client's, `node` this process."""

    session: str
    node: str


class EmulationRequest(msgspec.Struct, frozen=True):
    """What is posted to `/emulation`: a frame for the connection of that session."""

    session: str
    node: str
    data: str


class Empty(msgspec.Struct, frozen=True):
    """A request whose content does not matter."""


class Command(msgspec.Struct, frozen=True):
    """What a client asks for: the first request that is present. Without any and without an id it is a pong."""

    id: Annotated[int, msgspec.Meta(ge=0, le=_MAX_ID)] = 0
    connect: ConnectRequest | None = None
    subscribe: SubscribeRequest | None = None
    unsubscribe: ChannelRequest | None = None
    publish: PublishRequest | None = None
    presence: ChannelRequest | None = None
    presence_stats: ChannelRequest | None = None
    history: HistoryRequest | None = None
    ping: Empty | None = None
    send: Empty | None = None
    rpc: RpcRequest | None = None
    refresh: RefreshRequest | None = None
    sub_refresh: Empty | None = None


class BadCommand(msgspec.Struct, frozen=True):
    """JSON with a good id, but not a command: it gets an error reply, and the connection goes on."""

    id: int


PONG = Command()

_command = msgspec.json.Decoder(Command)
_emulation = msgspec.json.Decoder(EmulationRequest)
_json = msgspec.json.Encoder()


def decode_frame(frame: bytes) -> Iterator[Command | BadCommand]:
    """The commands of a frame, in order. `Malformed` is raised where the frame stops making sense, after those before it."""
    for line in frame.split(b"\n"):
        if not line or line.isspace():
            continue
        try:
            command = _command.decode(line)
        except (ValueError, RecursionError):  # msgspec's errors and wrong UTF-8 are ValueErrors
            yield _salvage(line)
            continue
        if not command.id and command.send is None and command != PONG:
            raise Malformed("a command has no id")
        yield command


def _salvage(line: bytes) -> BadCommand:
    """The id of a command that is JSON but has a member of a wrong type, or a lone surrogate, which msgspec takes for broken."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("not an object")
    command_id = value.get("id")
    if type(command_id) is not int or not 0 < command_id <= _MAX_ID:
        raise Malformed("a command has no good id")
    return BadCommand(command_id)


def decode_emulation(body: bytes) -> EmulationRequest:
    """The body of a request to `/emulation`. Raises `Malformed`."""
    try:
        return _emulation.decode(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error


def join_frame(items: Iterable[bytes]) -> bytes:
    """Replies and pushes as one frame."""
    return b"\n".join(items)


PING = b"{}"


def reply(command_id: int, kind: bytes, result: bytes = b"{}") -> bytes:
    """The answer to a command; `kind` is the member's name, `result` its value as JSON."""
    return b'{"id":%d,"%b":%b}' % (command_id, kind, result)


def error(command_id: int, problem: ErrorReply) -> bytes:
    """The refusal of a command."""
    temporary = b',"temporary":true' if problem.temporary else b""
    return b'{"id":%d,"error":{"code":%d,"message":%b%b}}' % (
        command_id,
        problem.code,
        _json.encode(problem.message),
        temporary,
    )


def rpc_result(data: Any) -> bytes:
    """The result of an rpc: any value that msgspec can encode."""
    return b'{"data":%b}' % _json.encode(data)


def publication(item: Publication) -> bytes:
    """A publication as it stands in replies."""
    if item.offset is None:
        return b'{"data":%b}' % item.data
    return b'{"offset":%d,"data":%b}' % (item.offset, item.data)


def publication_push(item: Publication) -> bytes:
    """A publication as it is pushed: the `Publication.form` of this door."""
    return b'{"push":{"channel":%b,"pub":%b}}' % (_json.encode(item.channel), publication(item))


def publications(items: Iterable[Publication]) -> bytes:
    """A list of publications as JSON."""
    return b"[%b]" % b",".join(map(publication, items))


def join_push(channel: str, info: ClientInfo) -> bytes:
    """Another client subscribed."""
    return b'{"push":{"channel":%b,"join":{"info":%b}}}' % (_json.encode(channel), _client_info(info))


def leave_push(channel: str, info: ClientInfo) -> bytes:
    """Another client's subscription ended."""
    return b'{"push":{"channel":%b,"leave":{"info":%b}}}' % (_json.encode(channel), _client_info(info))


def unsubscribe_push(channel: str, why: Unsubscribed) -> bytes:
    """The server ended this subscription."""
    return b'{"push":{"channel":%b,"unsubscribe":%b}}' % (_json.encode(channel), _json.encode(why))


def disconnect_push(why: Disconnect) -> bytes:
    """The server ends the connection: the last push, where there is no close frame that could say so."""
    return b'{"push":{"disconnect":%b}}' % _json.encode(why)


def connect_result(
    client: str,
    version: str,
    *,
    ping: float,
    ttl: int | None,
    subs: dict[str, bytes],
    emulated: Emulated | None = None,
) -> bytes:
    """The result of `connect`. `ttl` in seconds is None when the client has nothing to refresh; `subs` are subscribe results."""
    expires = b"" if ttl is None else b',"expires":true,"ttl":%d' % ttl
    members = b",".join(b"%b:%b" % (_json.encode(channel), result) for channel, result in subs.items())
    address = b"" if emulated is None else b"," + _json.encode(emulated)[1:-1]
    return b'{"client":%b,"version":%b,"ping":%d,"pong":true%b%b,"subs":{%b}}' % (
        _json.encode(client),
        _json.encode(version),
        max(1, round(ping)),  # clients take 0 for "no pings"
        expires,
        address,
        members,
    )


def refresh_result(client: str, version: str, *, ttl: int) -> bytes:
    """The result of `refresh`."""
    return _json.encode({"client": client, "version": version, "expires": True, "ttl": ttl})


def subscribe_result(
    position: tuple[int, str], *, was_recovering: bool, recovered: bool, missed: Iterable[Publication], data: Any
) -> bytes:
    """The result of `subscribe`, and of a server-side subscription in `connect`. `data` is left out when None."""
    offset, epoch = position
    return b'{"recoverable":true,"positioned":true,"epoch":%b,"offset":%d%b%b,"publications":%b%b}' % (
        _json.encode(epoch),
        offset,
        b',"was_recovering":true' if was_recovering else b"",
        b',"recovered":true' if recovered else b',"recovered":false' if was_recovering else b"",
        publications(missed),
        b"" if data is None else b',"data":%b' % _json.encode(data),
    )


def history_result(items: Iterable[Publication], position: tuple[int, str]) -> bytes:
    """The result of `history`: publications and the log's present position."""
    offset, epoch = position
    return b'{"publications":%b,"epoch":%b,"offset":%d}' % (publications(items), _json.encode(epoch), offset)


def presence_result(clients: Iterable[ClientInfo]) -> bytes:
    """The result of `presence`: the clients by their id."""
    members = b",".join(b"%b:%b" % (_json.encode(info.client), _client_info(info)) for info in clients)
    return b'{"presence":{%b}}' % members


def presence_stats_result(counted: Subscriptions) -> bytes:
    """The result of `presence_stats`."""
    return b'{"num_clients":%d,"num_users":%d}' % (counted.clients, counted.people)


def _client_info(info: ClientInfo) -> bytes:
    return b'{"user":%b,"client":%b}' % (_json.encode(info.user), _json.encode(info.client))
