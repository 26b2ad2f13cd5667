import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.secret_key import is_loopback, with_secret_key
from engine.settings import RESERVED, LogFormat, LogLevel, RegistrationPolicy, Settings, SettingsError, load
from gateway.settings import MASK, masked_url, rendered


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"GATHERING_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def file(text: str) -> Path:
    path = Path("gathering.toml")
    path.write_text(text, "utf-8")
    return path


def test_the_defaults_are_a_server_on_loopback_with_sqlite():
    settings = load()

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.database_url == "sqlite+aiosqlite:///var/gathering.db"
    assert settings.registration is RegistrationPolicy.OPEN
    assert (settings.message_characters, settings.frame_bytes, settings.subscriptions) == (4000, 65536, 128)


def test_flags_win_over_the_environment_over_the_file_over_the_defaults(monkeypatch: pytest.MonkeyPatch):
    config = file('host = "::1"\nport = 1\nlog_level = "debug"\n')
    monkeypatch.setenv("GATHERING_PORT", "2")
    monkeypatch.setenv("GATHERING_LOG_LEVEL", "WARNING")

    settings = load(config, port=3, host=None)

    assert (settings.host, settings.port) == ("::1", 3)
    assert (settings.log_level, settings.log_format) == (LogLevel.WARNING, LogFormat.CONSOLE)


def test_unknown_keys_of_the_file_are_refused_by_name():
    with pytest.raises(SettingsError, match=r'gathering.toml has unknown settings: "prot"'):
        load(file("prot = 1"))


def test_unknown_variables_of_the_environment_and_empty_ones_are_ignored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GATHERING_NO_SUCH_SETTING", "for another version")
    monkeypatch.setenv("GATHERING_PORT", "")

    assert load().port == 8080


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2", "\x00"])
def test_a_file_that_is_not_toml_is_refused(text: str):
    with pytest.raises(SettingsError, match="is not TOML"):
        load(file(text))


def test_a_file_that_cannot_be_read_is_refused():
    with pytest.raises(SettingsError, match=r"missing.toml cannot be read: No such file"):
        load(Path("missing.toml"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65_536),
        ("port", "http"),
        ("host", ""),
        ("message_characters", 0),
        ("storage_timeout", 0),
        ("access_token_seconds", 0),
        ("refresh_token_days", -1),
        ("log_format", "xml"),
        ("registration", "maybe"),
        ("secret_key", "  "),
        ("database_url", "mysql://ada:tell-nobody@host/db"),
        ("database_url", "sqlite+aiosqlite://"),
        ("database_url", "sqlite:///:memory:"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_settings_name_without_the_value(name: str, value: object):
    with pytest.raises(SettingsError, match=name) as refusal:
        load(None, **{name: value})

    assert "tell-nobody" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_may_name_settings_whose_features_are_still_to_come(tmp_path: Path):
    file = tmp_path / "gathering.toml"
    file.write_text("port = 9000\n" + "".join(f'{name} = "x"\n' for name in sorted(RESERVED)))

    settings = load(file)

    assert settings.port == 9000


@pytest.mark.parametrize("value", ["https://a.example, https://b.example/", ["https://a.example", "https://b.example"]])
def test_origins_are_a_list_or_separated_by_commas(value: object):
    assert load(None, allowed_origins=value).allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:p@h/d"),
        ("postgresql://h/d", "postgresql+asyncpg://h/d"),
    ],
)
def test_the_usual_names_of_databases_mean_our_drivers(given_url: str, url: str):
    assert load(None, database_url=given_url).database_url == url


def test_a_secret_key_is_made_once_and_kept_beside_the_database_for_its_owner_only():
    settings = load(None, database_url="sqlite:///data/gathering.db")

    keys = [with_secret_key(settings).secret_key for _ in range(2)]

    kept = Path("data/secret.key")
    assert keys[0] is not None
    assert keys[0] == keys[1]
    assert keys[0].get_secret_value() == kept.read_text().strip()
    assert len(keys[0].get_secret_value()) >= 43  # 256 bits in base64
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert list(kept.parent.iterdir()) == [kept]


def test_a_secret_key_is_kept_in_var_when_the_database_is_elsewhere():
    with_secret_key(load(None, database_url="postgresql://h/d"))

    assert Path("var/secret.key").exists()


def test_a_secret_key_that_is_given_is_used_and_none_is_made():
    settings = with_secret_key(load(None, secret_key="mine"))

    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == "mine"
    assert not Path("var").exists()


def test_a_secret_key_file_that_is_empty_is_refused():
    Path("var").mkdir()
    Path("var/secret.key").touch()

    with pytest.raises(SettingsError, match="empty"):
        with_secret_key(load())


@pytest.mark.parametrize(("key", "sentence"), [(None, "secret_key is required"), ("short", "at least 16 characters")])
def test_beyond_loopback_a_good_secret_key_is_required(key: str | None, sentence: str):
    with pytest.raises(SettingsError, match=sentence):
        with_secret_key(load(None, host="0.0.0.0", secret_key=key))  # noqa: S104 - the case in question

    assert not Path("var").exists()


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.1", False),
        ("chat.example.org", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, answer: bool):
    assert is_loopback(host) is answer


def test_the_effective_settings_are_shown_as_a_file_that_gives_them_again():
    settings = load(None, port=9, allowed_origins="https://a.example", registration="closed", host="::1")

    shown = rendered(settings)

    assert load(file("\n".join(shown))) == settings
    assert "# secret_key is not set" in shown


def test_secrets_are_never_shown():
    settings = load(
        None, secret_key="tell-nobody", database_url="postgresql://ada:tell-nobody@h/d?password=tell-nobody"
    )

    shown = "\n".join(rendered(settings))

    assert "tell-nobody" not in shown
    assert "tell-nobody" not in repr(settings)
    assert tomllib.loads(shown)["secret_key"] == MASK
    assert tomllib.loads(shown)["database_url"] == f"postgresql+asyncpg://ada:{MASK}@h/d?password={MASK}"


@given(st.text())
def test_a_url_is_shown_without_its_password_whatever_that_is(password: str):
    assert masked_url(f"postgresql+asyncpg://ada:{password}@h/db") == f"postgresql+asyncpg://ada:{MASK}@h/db"
