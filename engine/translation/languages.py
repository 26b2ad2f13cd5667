"""Languages: which two are the same to a reader, and which of a provider's codes stands for one.

Tags are BCP 47. Two tags are the same language when their primary languages are (after old names: `iw` is `he`, `no` is `nb`), and
their scripts, where both are known. A region alone makes no difference to a reader: `en` and `en-GB`, `pt-BR` and `pt-PT` are the
same. A script does: `zh-Hans` and `zh-Hant`, `sr-Latn` and `sr-Cyrl` differ. The script of Chinese follows from the region where
it is not given: `zh-TW`, `zh-HK` and `zh-MO` are traditional, any other `zh` is simplified.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

_ALIASES: Final = {
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "no": "nb",
    "nn": "nb",
    "cmn": "zh",
    "fil": "tl",
    "eng": "en",
    "deu": "de",
    "fra": "fr",
    "spa": "es",
    "por": "pt",
    "zho": "zh",
    "jpn": "ja",
    "rus": "ru",
}
"""Old and long names, and Nynorsk, which who reads Bokmal reads."""
_SCRIPT: Final = re.compile(r"[A-Za-z]{4}")
_REGION: Final = re.compile(r"[A-Za-z]{2}|[0-9]{3}")
_TRADITIONAL: Final = frozenset({"TW", "HK", "MO"})
_UNDETERMINED: Final = frozenset({"und", "mul", "zxx"})
_USUAL_REGION: Final = {
    ("en", ""): "US",
    ("en", "CA"): "US",
    ("en", "PH"): "US",
    ("en", "*"): "GB",
    ("pt", ""): "BR",
    ("pt", "*"): "PT",
    ("es", ""): "",
    ("es", "ES"): "",
    ("es", "GQ"): "",
    ("es", "*"): "419",
}
"""The variety for a language and region of which a provider has no code. `*` stands for any other region."""


class Tag(NamedTuple):
    """A tag taken apart: `language` in lower case, `script` in title case, `region` in upper case; "" where there is none."""

    language: str
    script: str
    region: str


@lru_cache(maxsize=4096)
def parse_tag(tag: str) -> Tag:
    """Take a tag apart. Extensions and variants do not matter here. The same few are asked about for every text."""
    language, *rest = tag.strip().replace("_", "-").split("-")
    script = next((part.title() for part in rest if _SCRIPT.fullmatch(part)), "")
    region = next((part.upper() for part in rest if _REGION.fullmatch(part)), "")
    language = _ALIASES.get(language.lower(), language.lower())
    if language == "zh" and not script:
        script = "Hant" if region in _TRADITIONAL else "Hans"
    return Tag(language, script, region)


def same_language(one: str, other: str) -> bool:
    """Whether a reader of `other` needs no translation of `one`. What is undetermined is the same as nothing."""
    a, b = parse_tag(one), parse_tag(other)
    if a.language != b.language or a.language in _UNDETERMINED:
        return False
    return not (a.script and b.script) or a.script == b.script


class Offer(msgspec.Struct, frozen=True):
    """The languages of a provider, in its own codes. Empty: it takes any."""

    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def source(self, tag: str) -> str | None:
        """The code for a text's language; None when the provider does not know it. Neither region nor script matters."""
        return _source(self.sources, tag) if self.sources else tag

    def target(self, tag: str) -> str | None:
        """The code for the language that is wanted; None when the provider does not translate into it.

        Of several that will do the one with the tag's own region comes first, then the usual one, then the plain language.
        """
        return _target(self.targets, tag) if self.targets else tag


@lru_cache(maxsize=1024)
def _source(sources: tuple[str, ...], tag: str) -> str | None:
    language = parse_tag(tag).language
    return next((code for code in sources if parse_tag(code).language == language), None)


@lru_cache(maxsize=1024)
def _target(targets: tuple[str, ...], tag: str) -> str | None:
    wanted = parse_tag(tag)
    explicit_first = sorted(targets, key=lambda code: -code.count("-"))
    fitting = {code: parse_tag(code).region for code in explicit_first if same_language(code, tag)}
    for region in (wanted.region, _usual_region(wanted), ""):
        for code, has in fitting.items():
            if has == region:
                return code
    return next(iter(fitting), None)


def _usual_region(wanted: Tag) -> str:
    return _USUAL_REGION.get((wanted.language, wanted.region), _USUAL_REGION.get((wanted.language, "*"), ""))
