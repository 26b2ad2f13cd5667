"""The translators: what the rest of the engine asks for a text in another language."""

from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import msgspec

from actors import ActorSystem, Answer, AskFailed, AskTimeout, Pool
from engine.settings import Settings, TranslationProvider
from engine.translation.failures import (
    DeadlinePassed,
    ProvidersUnavailable,
    RenderingDamaged,
    TranslationDisabled,
    TranslationFailed,
)
from engine.translation.interpreters import Interpret, Interpreter
from engine.translation.languages import same_language
from engine.translation.markdown import has_words, parse
from engine.translation.provider import Batch, Provider, Translated
from engine.translation.pseudo import Pseudo
from engine.translation.work import UNKNOWN, UNTRANSLATED, Rendering, Work

Complete = Callable[[str, str], Awaitable[str]]
"""A chat model: a system prompt and a text in, its answer out."""
Then = Callable[[Answer[Rendering]], None]


class TranslationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the translators are doing."""

    enabled: bool
    providers: tuple[str, ...] = ()


class Translators:
    """Texts in other languages; made by `start_translators`.

        rendering = await translators.translate(Work(group="room:1", text="Hallo", source="de", target="en"))

    Not `enabled`, every work fails with `TranslationDisabled`.
    """

    def __init__(self, pool: Pool[Interpreter] | None, provider: str, deadline: float) -> None:
        self._pool = pool
        self._provider = provider
        self._deadline = deadline

    @property
    def enabled(self) -> bool:
        """Whether there is a provider."""
        return self._pool is not None

    def request(self, work: Work, then: Then) -> None:
        """Have a text translated; `then` gets the rendering or a `TranslationFailed`, exactly once, soon or late, perhaps at once.

        Never blocks, and never raises. `then` must neither block nor raise.
        """
        if self._pool is None:
            then(Answer.failed(TranslationDisabled("translation is switched off")))
            return
        document = parse(work.text, work.keep)
        same = work.source is not None and same_language(work.source, work.target)
        if same or not any(has_words(line.body) for line in document):
            rendering = Rendering(
                text=work.text, source=work.source or UNKNOWN, target=work.target, provider=UNTRANSLATED
            )
            then(Answer(rendering))
            return
        batch = Batch(
            documents=(document,),
            source=work.source,
            target=work.target,
            context=work.context,
            formality=work.formality,
            glossary=work.glossary,
        )
        try:
            self._pool.request(
                Interpret(batch), partial(self._came, work, then), key=work.group, timeout=self._deadline
            )
        except AskFailed as error:
            then(Answer.failed(_failed(error)))

    def _came(self, work: Work, then: Then, answer: Answer[list[Translated | Exception]]) -> None:
        if answer.error is not None:
            then(Answer.failed(_failed(answer.error)))
            return
        (outcome,) = answer.value
        if isinstance(outcome, Translated):
            then(
                Answer(Rendering(text=outcome.text, source=outcome.source, target=work.target, provider=self._provider))
            )
        else:
            then(Answer.failed(RenderingDamaged(str(outcome))))

    async def translate(self, work: Work) -> Rendering:
        """The same for who waits. Raises `TranslationFailed`. Cancelled, the work goes on for others who want the same."""
        came = anyio.Event()
        answers: list[Answer[Rendering]] = []

        def then(answer: Answer[Rendering]) -> None:
            answers.append(answer)
            came.set()

        self.request(work, then)
        await came.wait()
        return answers[0].result()

    def detect(self, text: str) -> str | None:
        """The language of a text, from here and at once: a BCP 47 tag, None when it is not sure."""
        return None

    def status(self) -> TranslationStatus:
        """How it is doing, now."""
        return TranslationStatus(enabled=self.enabled, providers=(self._provider,) if self.enabled else ())


async def start_translators(
    system: ActorSystem, settings: Settings, *, complete: Complete | None = None, providers: tuple[Provider, ...] = ()
) -> Translators:
    """Start the translators that the settings name, as `translators` in this system."""
    del complete
    if not providers and settings.translation_provider is TranslationProvider.PSEUDO:
        providers = (Pseudo(),)
    if not providers:
        return Translators(None, "none", settings.translation_deadline)
    pool = await system.pool(lambda: Interpreter(providers[0]), "translators", size=4, queue=1000, per_key=4)
    return Translators(pool, providers[0].name, settings.translation_deadline)


def _failed(error: Exception) -> TranslationFailed:
    match error:
        case TranslationFailed():
            return error
        case AskTimeout():
            return DeadlinePassed("the translation took too long", retry_after=1.0)
        case _:
            return ProvidersUnavailable("the translators are not available", retry_after=1.0)
