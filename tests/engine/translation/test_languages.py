import pytest

from engine.translation.languages import Offer, same_language

DEEPL = Offer(
    ("EN", "PT", "ZH", "NB", "DE"),
    ("EN-GB", "EN-US", "PT-BR", "PT-PT", "ZH", "ZH-HANS", "ZH-HANT", "ES", "ES-419", "NB", "DE"),
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("en", "en-GB"),
        ("en-US", "EN_gb"),
        ("pt-BR", "pt-PT"),
        ("zh", "zh-CN"),
        ("zh-Hant", "zh-TW"),
        ("zh-HK", "zh-Hant-MO"),
        ("no", "nb-NO"),
        ("nn", "nb"),
        ("iw", "he"),
        ("sr", "sr-Latn"),
        ("de-AT", "de-x-private"),
    ],
)
def test_a_region_or_an_older_name_makes_no_difference_to_a_reader(one: str, other: str):
    assert same_language(one, other)
    assert same_language(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("en", "de"), ("zh-Hans", "zh-Hant"), ("zh", "zh-TW"), ("sr-Latn", "sr-Cyrl"), ("zh", "yue"), ("und", "und")],
)
def test_another_language_or_script_does(one: str, other: str):
    assert not same_language(one, other)
    assert not same_language(other, one)


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "EN-US"),
        ("en-US", "EN-US"),
        ("en-CA", "EN-US"),
        ("en-AU", "EN-GB"),
        ("pt", "PT-BR"),
        ("pt-AO", "PT-PT"),
        ("zh", "ZH-HANS"),
        ("zh-TW", "ZH-HANT"),
        ("zh-Hans-SG", "ZH-HANS"),
        ("es", "ES"),
        ("es-ES", "ES"),
        ("es-MX", "ES-419"),
        ("no", "NB"),
        ("de-CH", "DE"),
        ("fr", None),
    ],
)
def test_a_target_is_the_variety_that_serves_its_readers_best(tag: str, code: str | None):
    assert DEEPL.target(tag) == code


@pytest.mark.parametrize(("tag", "code"), [("en-GB", "EN"), ("zh-TW", "ZH"), ("nn", "NB"), ("fr", None)])
def test_a_source_has_no_variety(tag: str, code: str | None):
    assert DEEPL.source(tag) == code


def test_who_offers_nothing_in_particular_takes_every_tag_as_it_is():
    assert (Offer().source("tlh"), Offer().target("zh-TW")) == ("tlh", "zh-TW")
