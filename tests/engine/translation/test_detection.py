import anyio
import pytest

from engine.translation.detection import Detector, Found


@pytest.fixture(scope="module")
def detector() -> Detector:
    detector = Detector()
    anyio.run(detector.load)
    assert detector.loaded
    return detector


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("can anyone help me with this?", "en"),
        ("Das ist ein Test", "de"),
        ("quelqu'un peut m'aider ?", "fr"),
        ("tudo bem?", "pt"),
        ("buenos días a todos", "es"),
        ("kan noen hjelpe meg?", "nb"),
        ("kan någon hjälpa mig?", "sv"),
        ("こんにちは", "ja"),
        ("안녕하세요", "ko"),
        ("你好", "zh"),
        ("привет, как дела?", "ru"),
        ("WIE GEHT ES EUCH HEUTE", "de"),
        ("@someone https://example.org/the/english/words das ist gut `print(english)`", "de"),
        ("das ist gut\nund das auch", "de"),
    ],
)
def test_a_text_is_in_its_language(detector: Detector, text: str, language: str):
    assert detector.detect(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "OK",
        "lol",
        "haha",
        "brb",
        "+1",
        "12345",
        "xD",
        "🙂🙂",
        "👍 ok",
        "`def main(): return`",
        "hmm",
        "@ada",
        "Berlin",
        "taxi",
        "asdf jkl",
    ],
)
def test_too_little_is_in_no_language(detector: Detector, text: str):
    assert detector.detect(text) is None


def test_until_it_is_loaded_nothing_is_detected():
    assert Detector().detect("can anyone help me with this?") is None


def test_a_library_that_does_not_work_is_no_reason_not_to_start(capsys: pytest.CaptureFixture[str]):
    def load() -> "type[Found]":
        raise ImportError("no such library")

    detector = Detector(load)  # type: ignore[arg-type]
    anyio.run(detector.load)

    assert detector.detect("can anyone help me with this?") is None
    assert "detector.failed" in capsys.readouterr().out
