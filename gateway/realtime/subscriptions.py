"""The subscriptions of one connection, by channel."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from actors import Ref
from engine.domain.fields import Language
from engine.domain.people import Principal
from engine.timelines.commands import Position, Subscribe, Subscribed
from engine.timelines.fanout import ClientInfo, Ending
from gateway.realtime import codes, protocol
from gateway.realtime.answers import Answers
from gateway.realtime.outbox import Outbox
from gateway.realtime.protocol import SubscribeRequest
from gateway.realtime.rpc import timeline_of
from gateway.realtime.subscription import Subscription

if TYPE_CHECKING:
    from engine.timelines.directory import Timelines


class Wishes(msgspec.Struct, frozen=True):
    """Data of `subscribe`: the reader's language; null: only what was written, without it the account's."""

    language: Language | None | UnsetType = UNSET


_wishes = msgspec.json.Decoder(Wishes | None)

WHY_ENDED: Final = {
    Ending.NOT_A_MEMBER: codes.NOT_A_MEMBER,
    Ending.ARCHIVED: codes.ARCHIVED,
    Ending.RESTARTED: codes.RESTARTED,
}
"""What a client is told of each end; where the timeline has moved, its connection ends."""


class Subscriptions:
    """Begins and ends them, at most `most` besides that to the person's own channel.

    `close` ends the connection, where the end of one subscription has to.
    """

    def __init__(
        self,
        client: str,
        timelines: "Timelines",
        outbox: Outbox,
        answers: Answers,
        close: Callable[[codes.Disconnect], None],
        *,
        most: int,
    ) -> None:
        self.client = client
        self.outbox = outbox
        self._timelines = timelines
        self._answers = answers
        self._close = close
        self._most = most
        self._by_channel: dict[str, Subscription] = {}
        self._own_channel = ""

    def subscribe(self, command_id: int, by: Principal, request: SubscribeRequest) -> None:
        """Answer `subscribe`: at once when it cannot be, else when the timeline has answered."""
        channel = request.channel
        ref = self._timelines.ref(channel)
        if not _is_understood(request.data):
            self._answers.refuse(command_id, codes.BAD_REQUEST)
        elif channel in self._by_channel:
            self._answers.refuse(command_id, codes.ALREADY_SUBSCRIBED)
        elif len(self._by_channel) - (self._own_channel in self._by_channel) >= self._most:
            self._answers.refuse(command_id, codes.LIMIT_EXCEEDED)
        elif ref is None:
            self._answers.refuse(command_id, codes.UNKNOWN_CHANNEL)
        else:
            subscription = self._by_channel[channel] = Subscription(channel, ref, self)
            self._answers.later(command_id, lambda: self._finish(command_id, by, request, ref, subscription))

    async def subscribe_own(self, by: Principal, position: SubscribeRequest | None) -> tuple[Subscription, Subscribed]:
        """Subscribe a person to their own channel, as part of `connect`. The caller lets it go live."""
        channel = self._own_channel = f"user:{by.id}"
        ref = timeline_of(self._timelines, channel)
        subscription = self._by_channel[channel] = Subscription(channel, ref, self)
        try:
            return subscription, await self._ask(by, position, ref, subscription)
        except BaseException:
            self._drop(subscription)
            raise

    def unsubscribe(self, command_id: int, channel: str) -> None:
        """Answer `unsubscribe`; having no such subscription is fine."""
        subscription = self._by_channel.get(channel)
        if subscription is not None:
            self._drop(subscription)
        self._answers.reply(command_id, b"unsubscribe")

    def leave_all(self) -> None:
        """End them all, each once."""
        for subscription in tuple(self._by_channel.values()):
            self._drop(subscription)

    def fell_behind(self) -> None:
        """See `Subscriber`."""
        self._close(codes.SLOW)

    def dropped(self, subscription: Subscription, ending: Ending) -> None:
        """See `Subscriber`."""
        self._by_channel.pop(subscription.channel, None)
        if ending is Ending.MOVED:
            self._close(codes.FORCE_RECONNECT)
        elif ending is Ending.RESTARTED and subscription.channel == self._own_channel:
            # Clients do not resubscribe to what the server subscribed them to; they recover it when they connect again.
            self._close(codes.INSUFFICIENT_STATE)
        elif not self.outbox.push(protocol.unsubscribe_push(subscription.channel, WHY_ENDED[ending])):
            self._close(codes.SLOW)

    async def _finish(
        self, command_id: int, by: Principal, request: SubscribeRequest, ref: Ref[Any], subscription: Subscription
    ) -> None:
        with subscription.scope:  # cancelled by `unsubscribe`
            try:
                # After an unsubscribe nothing may be asked: the timeline would hear it after the Unsubscribe, and keep it.
                answer = None if subscription.ended else await self._ask(by, request, ref, subscription)
            except Exception:
                self._drop(subscription)
                raise
            if answer is not None and not subscription.ended:
                if request.flag & protocol.REJECT_UNRECOVERED and answer.was_recovering and not answer.recovered:
                    self._drop(subscription)
                    self._answers.refuse(command_id, codes.UNRECOVERABLE_POSITION)
                else:
                    reply = protocol.reply(command_id, b"subscribe", subscribe_result(answer))
                    subscription.go_live(reply, answer.window.offset)
                return
        self._answers.refuse(command_id, codes.NOT_AVAILABLE)

    async def _ask(
        self, by: Principal, request: SubscribeRequest | None, ref: Ref[Any], subscription: Subscription
    ) -> Subscribed:
        since = Position(request.offset, request.epoch) if request is not None and request.recover else None
        info = ClientInfo(self.client, by.id)
        wishes = None if request is None else _wishes.decode(request.data)
        language = by.language if wishes is None or wishes.language is UNSET else wishes.language
        subscribe = Subscribe(by=by, client=info, sink=subscription, since=since, language=language)
        return await self._timelines.subscribe(ref, subscribe)

    def _drop(self, subscription: Subscription) -> None:
        if self._by_channel.get(subscription.channel) is subscription:
            del self._by_channel[subscription.channel]
        subscription.leave()


def _is_understood(data: msgspec.Raw) -> bool:
    try:
        _wishes.decode(data)
    except (ValueError, RecursionError):  # msgspec's errors and wrong UTF-8 are ValueErrors
        return False
    return True


def subscribe_result(answer: Subscribed) -> bytes:
    """A timeline's answer as the protocol's result."""
    data: dict[str, Any] | None = None
    if answer.room is not None:
        data = {"room": answer.room, "members": answer.members}
    elif answer.conversation is not None:
        data = {"conversation": answer.conversation, "members": answer.members}
    if data is not None and answer.live is not None:
        live = answer.live
        data |= {"online": live.online, "presence": live.presence, "typing": live.typing, "answers": live.answers}
    window = answer.window
    return protocol.subscribe_result(
        (window.offset, window.epoch),
        was_recovering=answer.was_recovering,
        recovered=answer.recovered,
        missed=window.publications,
        data=data,
    )
