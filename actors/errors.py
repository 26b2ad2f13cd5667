"""What can go wrong between actors: one class for each thing a caller can decide on."""


class ActorError(Exception):
    """The root of every error that the runtime itself raises."""


class DeclarationError(ActorError, TypeError):
    """An actor class is declared wrongly: raised when the class is created, never later."""


class Refused(Exception):
    """An expected "no" from an actor. The caller gets it, the actor lives on.

    Subclass it for every error that a handler may raise as part of its contract. Anything else that leaves a handler is a
    crash: the caller gets `ActorCrashed` and the actor is restarted.
    """


class AskFailed(ActorError):
    """The root of the reasons why an `ask` ended without the actor's answer."""


class AskTimeout(AskFailed, TimeoutError):
    """The deadline passed first. Whether the actor handles the message is unknown if it had already begun."""


class CallerTimedOut(AskTimeout):
    """The deadline of the call being handled passed while its handler waited for another actor.

    A handler that lets it pass ends with that call, as with a refusal: nobody waits for it any more. The actor lives on.
    """


class AskCycle(AskFailed):
    """The actor asked is already waiting, directly or through others, for the one who asks."""


class MailboxFull(AskFailed):
    """The mailbox is at its capacity and its overflow policy is to reject."""


class ActorCrashed(AskFailed):
    """The handler raised something it does not declare; the cause is chained. The actor is being restarted."""


class ActorStopped(AskFailed):
    """The actor has stopped, or stopped before it came to this message."""


class Unavailable(AskFailed):
    """The actor cannot be served for now: it is quarantined after repeated crashes, or the system is draining.

    `retry_after` is in seconds.
    """

    def __init__(self, reason: str, *, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class LinkBroken(ActorError):
    """An actor that this one is linked with has crashed; its error is chained."""


class StartFailed(ActorError):
    """An actor's `started` hook raised or exceeded its time limit; the cause is chained."""


class RestartIntensityReached(ActorError):
    """More restarts than the supervisor allows in its period (OTP: `reached_max_restart_intensity`)."""
