"""What administrators see of what is done about languages."""

import msgspec

from engine.translation.status import TranslationStatus


class InterpretingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the booths have done since they started, and how they stand.

    `asked` of the translators, `reused` from what was stored, `stored` translations; `outdated`: the message was changed or deleted
    meanwhile; `failed` by reason. `booths` are the timelines in which something is or was lately translated.
    """

    booths: int = 0
    asked: int = 0
    reused: int = 0
    stored: int = 0
    outdated: int = 0
    failed: dict[str, int] = {}


class TranslationReport(msgspec.Struct, frozen=True, kw_only=True):
    """The providers with their queues and quotas, and what became of the translations that readers wanted."""

    translators: TranslationStatus
    interpreting: InterpretingStatus
