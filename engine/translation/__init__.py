"""Translation: texts in the languages of their readers. Knows providers and texts, nothing of timelines or storage.

    translators = await start_translators(system, settings)
    translators.request(Work(group="room:1", text="Hallo @ada", source="de", target="en"), then)

`translators` is what one uses. `provider` is the contract of those who translate (`deepl`, `chat_model`, `pseudo`), `markdown` what must
not change in a text, `languages` which tags mean the same, `detection` the local detector.
"""

from engine.translation.failures import TranslationFailed
from engine.translation.languages import same_language
from engine.translation.status import ProviderStatus, TranslationStatus
from engine.translation.translators import Translators, start_translators
from engine.translation.work import Rendering, Work

__all__ = [
    "ProviderStatus",
    "Rendering",
    "TranslationFailed",
    "TranslationStatus",
    "Translators",
    "Work",
    "same_language",
    "start_translators",
]
