from collections import Counter

import anyio
from hypothesis import given, settings

from engine.translation.markdown import Kept, parse, walk
from engine.translation.provider import Batch, Translated
from engine.translation.pseudo import Pseudo
from tests.engine.translation.written import messages


def pseudo(text: str, target: str = "de") -> str:
    async def translate() -> str:
        (outcome,) = await Pseudo().translate(Batch(documents=(parse(text),), source="en", target=target))
        assert isinstance(outcome, Translated)
        return outcome.text

    return anyio.run(translate)


def kept(text: str) -> Counter[str]:
    nodes = [node for line in parse(text) for node in walk(line.body)]
    return Counter(node.text for node in nodes if isinstance(node, Kept) and node.kind in {"mention", "link", "code"})


def test_a_text_gets_accents_brackets_and_length_and_can_still_be_read():
    assert pseudo(
        "- Hello @ada, see **this** `code` 🙂"
    ) == "- [de: Hęllǫ @ada, şęę **ţhįş** `code` ~~~~~~~~~~] 🙂".replace("ţ", "t")


def test_targets_differ_visibly():
    texts = {pseudo("a good morning to everyone", target) for target in ("de", "fr", "ja", "pt-BR", "en", "es")}

    assert len(texts) == 6


@settings(max_examples=50)
@given(messages())
def test_mentions_links_and_code_stay(text: str):
    assert kept(pseudo(text)) == kept(text)
