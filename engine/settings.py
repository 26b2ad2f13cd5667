"""Settings: read once, at the top, from flags, then the environment, then a TOML file, then the defaults below.

    settings = load(Path("gathering.toml"), port=9000)      # a flag that was not given is None

Every field is the environment variable `GATHERING_<FIELD>` and the key `<field>` of the file.
"""

import json
import tomllib
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """The settings cannot be used. `str(error)` is one line that names each setting at fault and no secret."""


class LogLevel(StrEnum):
    """The least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look: for people, or one JSON object each."""

    CONSOLE = "console"
    JSON = "json"


class RegistrationPolicy(StrEnum):
    """Who may open an account: anyone, those whom an administrator invites, nobody."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class RoomCreation(StrEnum):
    """Who may create rooms: anyone signed in, or administrators."""

    USER = "user"
    ADMIN = "admin"


class TranslationProvider(StrEnum):
    """Who translates. `auto`: DeepL when there is a key for it, else a chat model when there is one, else nobody."""

    AUTO = "auto"
    DEEPL = "deepl"
    CHAT_MODEL = "chat_model"
    PSEUDO = "pseudo"
    NONE = "none"


class DeeplModel(StrEnum):
    """Which of DeepL's models translates."""

    LATENCY = "latency_optimized"
    QUALITY = "quality_optimized"
    PREFER_QUALITY = "prefer_quality_optimized"


RESERVED = frozenset(
    {
        "embedding_model",
    }
)
"""Settings of the contract whose features are still to come: a file that names them is read, as the environment is."""


class Settings(BaseSettings):
    """Everything that can be set. Built directly, it reads the environment but no file; `load` does all of it."""

    model_config = SettingsConfigDict(
        env_prefix="GATHERING_", env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on")
    port: int = Field(8080, ge=0, le=65_535, description="the port to listen on; 0 takes a free one")
    database_url: str = Field(
        "sqlite+aiosqlite:///var/gathering.db", repr=False, description="sqlite+aiosqlite:// or postgresql+asyncpg://"
    )
    secret_key: SecretStr | None = Field(
        None, description="signs tokens; made and kept beside the database on loopback"
    )
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.CONSOLE
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="web origins besides the server's own, separated by commas: https://chat.example.org"
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="addresses or networks whose X-Forwarded-For is believed, separated by commas: 10.0.0.0/8"
    )
    registration: RegistrationPolicy = RegistrationPolicy.OPEN
    room_creation: RoomCreation = RoomCreation.USER
    weekly_messages: int | None = Field(
        None,
        ge=0,
        le=1_000_000_000,
        description="that each person may post from Monday to Monday, UTC; unset: any number",
    )

    message_characters: int = Field(4_000, ge=1, le=1_000_000, description="the longest message")
    answer_characters: int = Field(16_000, ge=1, le=1_000_000, description="the longest answer of an agent")
    answer_seconds: float = Field(600.0, gt=0, le=86_400, description="that an agent may take for an answer")
    frame_bytes: int = Field(65_536, ge=1_024, le=16_777_216, description="the largest frame from a client")
    subscriptions: int = Field(128, ge=1, le=100_000, description="of one connection")
    commands_per_second: float = Field(20.0, gt=0, le=1_000_000, description="of one connection, sustained")
    commands_burst: int = Field(60, ge=1, le=1_000_000, description="of one connection, at once")
    outgoing_queue_bytes: int = Field(
        1_048_576, ge=1_024, le=1_073_741_824, description="what may wait for a slow client before it is disconnected"
    )
    event_streams: int = Field(16, ge=1, le=100_000, description="of one person at a time")
    ping_interval: float = Field(25.0, gt=0, le=3_600, description="seconds")
    pong_timeout: float = Field(10.0, gt=0, le=3_600, description="seconds; at most ping_interval counts")

    storage_timeout: float = Field(2.0, gt=0, le=60, description="seconds until a silent database is unavailable")
    shutdown_grace: float = Field(8.0, ge=0, le=600, description="seconds for draining")
    recent_events: int = Field(1_000, ge=1, le=1_000_000, description="events of each timeline that are held in memory")
    idle_passivation: float = Field(120.0, gt=0, le=86_400, description="seconds until an idle room leaves memory")

    webhook_allow_private: bool = Field(
        default=False, description="whether webhooks may reach machines of the own network"
    )
    webhook_timeout: float = Field(10.0, gt=0, le=60, description="seconds for one attempt of a webhook's delivery")
    webhook_attempts: int = Field(5, ge=1, le=20, description="until an event becomes a dead letter")
    webhook_retry_delay: float = Field(
        60.0,
        gt=0,
        le=3_600,
        description="seconds until the second attempt; five times as long before each one after that",
    )
    webhook_disable_hours: float = Field(24.0, gt=0, le=720, description="of failing until a webhook is switched off")
    webhook_concurrency: int = Field(32, ge=1, le=1_000, description="requests to receivers at the same time")
    webhook_concurrency_per_host: int = Field(4, ge=1, le=100)
    webhook_lease: float = Field(
        30.0, ge=1, le=600, description="seconds until another server goes on for one that has died"
    )
    presence_grace: float = Field(
        5.0, ge=0, le=600, description="seconds that someone disconnected is shown as present"
    )
    presence_few: int = Field(
        100,
        ge=1,
        le=10_000,
        description="clients or members of a timeline, above which comings and goings are summed up",
    )

    chat_model: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="of agents that name none, and of the chat-model translator: openai:gpt-5-mini, anthropic:..., ollama:...",
    )
    chat_model_base_url: str | None = Field(
        None,
        max_length=2_000,
        description="of the provider of chat_model, instead of its own: http://127.0.0.1:8000/v1",
    )
    chat_model_api_key: SecretStr | None = Field(
        None, description="for the provider of chat_model; unset: the provider's own variable, such as OPENAI_API_KEY"
    )
    chat_model_fallback: str | None = Field(
        None, min_length=1, max_length=200, description="steps in for a model that fails before its first word"
    )
    chat_model_concurrency: int = Field(
        100, ge=1, le=10_000, description="answers at the same time from one provider; a quarter for one timeline"
    )
    chat_model_first_token_timeout: float = Field(30.0, gt=0, le=3_600, description="seconds to the first word")
    chat_model_between_tokens_timeout: float = Field(20.0, gt=0, le=3_600, description="seconds between two words")
    chat_model_total_timeout: float = Field(300.0, gt=0, le=86_400, description="seconds for a whole answer")

    avatar_url: str | None = Field(
        None,
        max_length=2_000,
        description="a DiceBear-compatible service: https://api.dicebear.com/9.x/thumbs/svg; {seed} stands for the person",
    )

    translation_provider: TranslationProvider = TranslationProvider.AUTO
    translation_concurrency: int = Field(4, ge=1, le=256, description="requests to each provider at the same time")
    translation_rate: float = Field(
        20.0, gt=0, le=10_000, description="requests to each provider in a second, sustained"
    )
    translation_timeout: float = Field(10.0, gt=0, le=120, description="seconds for one request to a provider")
    translation_deadline: float = Field(
        30.0, gt=0, le=600, description="seconds until a translation that has not come about is given up"
    )
    translation_window: float = Field(
        0.01, ge=0, le=1, description="seconds in which texts for the same language gather for one request"
    )
    translation_queue: int = Field(2_000, ge=1, le=1_000_000, description="texts that may wait for a provider")
    translation_cache: int = Field(10_000, ge=0, le=10_000_000, description="translations that are held in memory")
    deepl_auth_key: SecretStr | None = Field(
        None, description="of an account with DeepL; those that end in :fx are free"
    )
    deepl_server_url: str | None = Field(
        None,
        max_length=2_000,
        description="where DeepL is; unset: as the key says, api.deepl.com or api-free.deepl.com",
    )
    deepl_model: DeeplModel | None = Field(None, description="unset: as DeepL chooses")

    agents: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="agents and tools in Python, separated by commas: my_module:Greeter, weather=my_module:forecast"
    )

    agent_chain: int = Field(
        4, ge=0, le=1_000, description="messages of agents in a row, after which none of them answers another one"
    )
    agent_room_answers: int | None = Field(
        None,
        ge=0,
        le=1_000_000_000,
        description="that agents may give in one room or conversation in a day; unset: any number",
    )
    agent_room_tokens: int | None = Field(
        None, ge=0, le=1_000_000_000_000, description="that agents may use in one room or conversation in a day"
    )
    agent_context_tokens: int = Field(4_000, ge=100, le=1_000_000, description="of what was said before a question")
    agent_memory_tokens: int = Field(
        500, ge=0, le=1_000_000, description="of what an agent remembers, for one question; 0: it is given nothing"
    )
    agent_document_tokens: int = Field(
        2_000, ge=0, le=1_000_000, description="of an agent's documents, for one question; 0: it is given nothing"
    )
    agent_first_seconds: float = Field(60.0, gt=0, le=3_600, description="until an agent's answer begins")
    agent_pause_seconds: float = Field(60.0, gt=0, le=3_600, description="between two pieces of an agent's answer")
    agent_patience_seconds: float = Field(
        10.0, gt=0, le=3_600, description="that the next agent in turn waits for one that has not begun to answer"
    )

    access_token_seconds: int = Field(900, ge=1, le=86_400, description="the life of an access token")
    refresh_token_days: int = Field(30, ge=1, le=3_650, description="the life of a sign-in that is not used")
    refresh_gather: float = Field(
        0.05, ge=0, le=1, description="seconds that a refresh waits for others of the same token to share its answer"
    )
    sign_in_failures: int = Field(
        10, ge=1, le=1_000_000, description="wrong passwords for one account from one address before a wait"
    )
    sign_in_lock_seconds: float = Field(
        300.0, gt=0, le=86_400, description="that those count, and the wait lasts at most"
    )
    activity_days: int = Field(90, ge=1, le=36_500, description="for which the activity log is kept")
    argon2_time_cost: int = Field(2, ge=1, le=100, description="passes")
    argon2_memory_kib: int = Field(19_456, ge=8, le=4_194_304)
    argon2_parallelism: int = Field(1, ge=1, le=64, description="lanes; each needs 8 KiB of memory at least")
    argon2_workers: int = Field(2, ge=1, le=256, description="passwords computed at the same time")

    @field_validator(
        "log_level", "log_format", "registration", "room_creation", "translation_provider", "deepl_model", mode="before"
    )
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        return value

    @field_validator("trusted_proxies", "agents", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is neither an address nor a network") from None
        return networks

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        driver = _DRIVERS.get(scheme)
        if driver is None or not separator:
            raise ValueError("must begin with sqlite+aiosqlite:// or postgresql+asyncpg://")
        url = f"{driver}://{rest}"
        if driver.startswith("sqlite") and _sqlite_file(url) is None:
            raise ValueError("must name a file, as in sqlite+aiosqlite:///var/gathering.db")
        return url

    @field_validator("avatar_url")
    @classmethod
    def _has_a_seed(cls, url: str | None) -> str | None:
        if url is None or "{seed}" in url:
            return url
        return f"{url}{'&' if '?' in url else '?'}seed={{seed}}"

    @field_validator("secret_key", "deepl_auth_key", "chat_model_api_key")
    @classmethod
    def _not_empty(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value().strip():
            raise ValueError("is empty")
        return secret

    @field_validator("chat_model_base_url", "deepl_server_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return url

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.translation_provider is TranslationProvider.DEEPL and self.deepl_auth_key is None:
            raise ValueError("translation_provider deepl needs deepl_auth_key")
        if self.argon2_memory_kib < 8 * self.argon2_parallelism:
            raise ValueError("argon2_memory_kib must be at least 8 for each lane of argon2_parallelism")
        return self

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, None for another database."""
        return _sqlite_file(self.database_url)


_DRIVERS = {
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql+asyncpg": "postgresql+asyncpg",
    # What other tools and hosting platforms write for the same.
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}


def _sqlite_file(url: str) -> Path | None:
    scheme, _, rest = url.partition(":///")
    name = unquote(rest.partition("?")[0])
    return Path(name) if scheme.startswith("sqlite") and name not in {"", ":memory:"} else None


def load(config: Path | None = None, **flags: object) -> Settings:
    """The effective settings: `flags` that are not None, over the environment, over the file, over the defaults.

    Raises `SettingsError` for a file that cannot be read or has unknown keys, and for values out of range. Variables of the
    environment that no setting has are ignored: they may be meant for another version.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    file = {} if config is None else _read(config)
    try:
        return Settings(**{**file, **EnvSettingsSource(Settings)(), **given})
    except ValidationError as error:
        raise SettingsError("; ".join(_said(problem) for problem in error.errors())) from None


def _read(config: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{config} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{config} is not TOML: {error}") from None
    unknown = sorted(values.keys() - Settings.model_fields.keys() - RESERVED)
    if unknown:
        raise SettingsError(f"{config} has unknown settings: {', '.join(json.dumps(key) for key in unknown)}")
    return {name: value for name, value in values.items() if name not in RESERVED}


def _said(problem: ErrorDetails) -> str:
    setting = ".".join(str(part) for part in problem["loc"])
    reason = problem["msg"].removeprefix("Value error, ")
    return f"{setting}: {reason}" if setting else reason
