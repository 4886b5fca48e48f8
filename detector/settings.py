"""Every setting of the worker and its commands, from flags, environment or a TOML file, refused here when senseless."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from detector.contract.dead_letters import MAX_PAYLOAD_BYTES
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.own_budgets import parse_own
from detector.errors import UserError

if TYPE_CHECKING:  # a subscriber has settings and no numba
    from detector.core.topology import Node

ENVIRONMENT_PREFIX = "KOZAMORI_"
CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"
SYSTEM_TRUST = "system"
#: A table of the file that `kozamori notify` alone reads: one file may serve all commands.
NOTIFY_TABLE = "notify"

#: Kafka's own limit is 249 characters; what we append to a prefix is far below the rest.
_PREFIX = r"^[A-Za-z0-9._-]{0,150}$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_BANK = re.compile(r"[0-9]{4}")
#: A StatefulSet numbers its pods, a Deployment gives each a random ending of five characters.
_STATEFUL = re.compile(r"[a-z0-9.-]{1,95}-[0-9]{1,4}")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",")) if value.strip() else ()


def _setting(default: Any, meaning: str, expected: str, **limits: Any) -> Any:
    return Field(default, description=meaning, json_schema_extra={"expected": expected}, **limits)


def _whole(default: int, low: int, high: int, meaning: str) -> Any:
    return _setting(default, meaning, f"a whole number from {low} to {high}", ge=low, le=high)


def _seconds(default: float, low: float, high: float, meaning: str) -> Any:
    return _setting(default, meaning, f"seconds from {low:g} to {high:g}", ge=low, le=high, allow_inf_nan=False)


class Settings(BaseModel):
    """All settings; frozen, valid once built. Built directly (tests) or by `load_settings` (entry points)."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    bootstrap: Annotated[tuple[str, ...], BeforeValidator(_split)] = _setting(
        ("127.0.0.1:9092",), "Kafka brokers to start from", "host:port, or several separated by commas", min_length=1
    )
    prefix: str = _setting("", "put before every topic name", "letters, digits, . _ -, at most 150", pattern=_PREFIX)
    input_prefix: str | None = _setting(
        None,
        "put before the names of account-events and wallet-events instead of prefix: a second reader of another"
        " deployment's events, with hops, rows, alerts and a group of its own",
        "letters, digits, . _ -, at most 150, other than prefix; not given: as prefix",
        pattern=_PREFIX,
    )
    deployment: str = _setting(
        "default",
        "names the consumer group: workers of one deployment share the partitions",
        "1 to 100 letters, digits, . _ -, beginning with a letter or digit",
        pattern=_NAME,
    )
    model: Path | None = _setting(None, "folder of the trained model", "a path")
    replaces_model: str = _setting(
        "",
        "while workers are given another model one by one: which one it replaces, by the first 12 digits of its"
        " manifest's SHA-256; a worker whose model is not that of the others is refused otherwise",
        "empty, or 12 hex digits, as a worker that is refused names them",
        pattern=r"^(?:[0-9a-f]{12})?$",
    )
    bank_budgets: Annotated[tuple[str, ...], BeforeValidator(_split)] = _setting(
        (),
        "false alert groups a day of single banks, instead of the model's; the same for all workers of a deployment",
        "a four-digit bank code and a number above 0, such as 0116=2, or several separated by commas",
    )
    alert_banks: Annotated[tuple[str, ...], BeforeValidator(_split)] = _setting(
        (),
        "banks whose alerts also go to a topic of their own, alerts.<bank>; the same for all workers of a deployment,"
        " for `topics create`, and for who reads one of them",
        "a four-digit bank code, such as 0116, or several separated by commas",
    )
    bulletin_banks: Annotated[tuple[str, ...], BeforeValidator(_split)] = _setting(
        (),
        "banks with a topic of their own, bulletins.<bank>, for their accounts in a campaign; the same for all"
        " workers of a deployment and for `topics create`",
        "a four-digit bank code, such as 0116, or several separated by commas",
    )
    controller: bool = _setting(
        False,
        "hold the rate of alert groups at the budget while normal life drifts, slowly and within bounds; the same for"
        " all workers of a deployment",
        "true or false",
    )
    partitions: int = _whole(4, 1, 4096, "partitions that `topics create` declares; fewer in Kafka are refused")
    replication: int = _whole(1, 1, 7, "copies of every topic that `topics create` declares; 3 in production")
    audit_key_file: str = _setting(
        "",
        "file with a key of at least 16 bytes: those who change something note it in the audit's topic under this key;"
        " the same for all workers and operators of a deployment",
        "a path, or empty for no audit",
    )
    audit_key_id: str = _setting(
        "01", "number of that key: another for another key", "1 to 8 hex digits", pattern=r"^[0-9a-f]{1,8}$"
    )
    static_member: str = _setting(
        "",
        "name of this process in the group, so that a quick restart keeps its partitions; unique per process; in a"
        " StatefulSet the pod's, where not given",
        "empty, or 1 to 100 letters, digits, . _ -",
        pattern=rf"^$|{_NAME}",
    )

    checkpoint_interval_ms: int = _whole(300, 50, 60_000, "time between two checkpoints")
    session_timeout_s: float = _seconds(10, 6, 300, "a worker not heard of for so long loses its partitions")
    heartbeat_s: float = _seconds(
        0.5, 0.5, 100, "time between two heartbeats, at most a third of session_timeout_s; a rebalance waits as long"
    )
    standby_replicas: int = _whole(
        0,
        0,
        7,
        "workers that follow the rows of a partition that another has, in memory, to take it over within seconds; the"
        " same for all workers of a deployment",
    )
    rebalance_timeout_s: float = _seconds(30, 10, 600, "time a worker has to finish when partitions move")
    producer_timeout_s: float = _seconds(30, 5, 300, "a write that Kafka does not answer within this is sent again")
    watchdog_s: float = _seconds(
        30, 5, 3600, "what makes no progress for so long, though it has work, ends the worker; not while Kafka is away"
    )
    trim_hops_s: float = _seconds(
        10, 0, 3600, "time between two deletions of what was read of the hops; 0 keeps it for their retention"
    )
    fetch_max_wait_ms: int = _whole(50, 1, 5_000, "longest time the broker holds an empty fetch")
    columnar_fetch: bool = _setting(
        True,
        "read what Kafka sends as columns; false: record by record through aiokafka, three times as slowly, in case a"
        " broker sends what this release cannot read",
        "true or false",
    )
    max_chunk_records: int = _whole(4096, 1, 65_536, "events processed at once, of one partition")
    max_in_flight_chunks: int = _whole(
        64, 1, 10_000, "chunks of one partition processed but in no checkpoint yet; more pause reading"
    )
    ttl_days: int = _whole(
        400, 32, 3_650, "an account, wallet or address without an event for so long (event time) is forgotten"
    )

    dead_letter_limit_per_min: int = _whole(
        1_000, 1, 10_000_000, "with more dead letters of one source partition within a minute, dead_letter_share counts"
    )
    dead_letter_share: float = _setting(
        0.2,
        "beyond the limit, an error is logged when more than this share of a partition's records are dead letters",
        "a number above 0, at most 1",
        gt=0,
        le=1,
        allow_inf_nan=False,
    )
    dead_letter_payload_bytes: int = _whole(
        0, 0, MAX_PAYLOAD_BYTES, "so much of a message is kept in its dead letter; 0: the source topic alone has it"
    )

    metrics_host: str = _setting("127.0.0.1", "address of /metrics, /healthz and /readyz", "an address", min_length=1)
    metrics_port: int = _whole(9464, 0, 65_535, "port of the same; 0 takes a free one")
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "least level written", "debug, info, warning or error"
    )
    log_format: Literal["json", "console"] = _setting(
        "json", "one JSON object a line, or for people", "json or console"
    )

    tls_ca: str = _setting(
        "", f"turns TLS on: PEM file of the authorities to trust, or `{SYSTEM_TRUST}`", f"a path or {SYSTEM_TRUST}"
    )
    tls_cert: str = _setting("", "PEM file of this client's certificate, with tls_key", "a path")
    tls_key: str = _setting("", "PEM file of its private key, not encrypted", "a path")
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = _setting(
        "", "turns SASL on", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    sasl_username: str = _setting("", "user name for SASL", "a name")
    sasl_password_file: str = _setting("", "file whose first line is the password", "a path")
    allow_plaintext_sasl: bool = _setting(
        False, "send SASL credentials without TLS: only in a network you trust", "true or false"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool_for_number(cls, value: object, info: Any) -> object:
        # pydantic reads `true` as 1; in a file that is a slip, never a meaning.
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise PydanticCustomError("bool", "a truth value")
        return value

    @field_validator("bank_budgets")
    @classmethod
    def _own_budgets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_own(value)
        except UserError:
            raise PydanticCustomError("bank_budgets", "not budgets of banks") from None
        return value

    @field_validator("alert_banks", "bulletin_banks")
    @classmethod
    def _banks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_BANK.fullmatch(bank) for bank in value):
            raise PydanticCustomError("banks", "not codes of banks")
        return tuple(sorted(set(value)))

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            match = _ADDRESS.fullmatch(address)
            if match is None or not 0 < int(match[1]) < 65_536:
                raise PydanticCustomError("address", "not an address")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        for name, fits, expected in (
            (
                "input_prefix",
                self.input_prefix is None or (bool(self.prefix) and self.prefix != self.input_prefix),
                "setting prefix beside it, not empty and another one: what this deployment writes lies under it",
            ),
            ("heartbeat_s", self.heartbeat_s * 3 <= self.session_timeout_s, "at most a third of session_timeout_s"),
            ("rebalance_timeout_s", self.rebalance_timeout_s >= self.session_timeout_s, "at least session_timeout_s"),
            (
                "checkpoint_interval_ms",
                self.checkpoint_interval_ms <= 500 * self.rebalance_timeout_s,
                "at most half of rebalance_timeout_s, so that the last checkpoint fits into a rebalance",
            ),
            ("watchdog_s", self.watchdog_s >= 0.004 * self.checkpoint_interval_ms, "at least 4 checkpoint intervals"),
            ("tls_cert", bool(self.tls_cert) == bool(self.tls_key), "both tls_cert and tls_key, or neither"),
            ("tls_cert", not self.tls_cert or bool(self.tls_ca), "tls_ca beside it, which turns TLS on"),
            (
                "sasl_mechanism",
                bool(self.sasl_mechanism) == bool(self.sasl_username) == bool(self.sasl_password_file),
                "sasl_mechanism, sasl_username and sasl_password_file together, or none of them",
            ),
            (
                "sasl_mechanism",
                not self.sasl_mechanism or bool(self.tls_ca) or self.allow_plaintext_sasl,
                "tls_ca beside it, or allow_plaintext_sasl = true, which sends the password readable to the network",
            ),
        ):
            if not fits:
                raise PydanticCustomError("together", "{name}\0{expected}", {"name": name, "expected": expected})
        return self

    @property
    def group(self) -> str:
        """Consumer group of this deployment; a second reader's is never that of the first, whatever its name."""
        return f"kozamori.{self.prefix if self.is_second_reader else ''}{self.deployment}"

    @property
    def is_second_reader(self) -> bool:
        """Whether it reads source topics that belong to another deployment."""
        return self.input_prefix is not None

    @property
    def _sources_prefix(self) -> str:
        return self.prefix if self.input_prefix is None else self.input_prefix

    @property
    def account_events(self) -> str:
        """Topic of link, unlink and debit events, keyed by account."""
        return f"{self._sources_prefix}account-events"

    @property
    def wallet_events(self) -> str:
        """Topic of open, payment, transfer and payout events, keyed by service and wallet."""
        return f"{self._sources_prefix}wallet-events"

    @property
    def alerts(self) -> str:
        """Topic of alerts, keyed by account."""
        return f"{self.prefix}alerts"

    def alerts_of(self, bank: str | None) -> str:
        """Topic that has this bank's alerts: its own, or that of all where it has none; None is every bank."""
        return f"{self.alerts}.{bank}" if bank in self.alert_banks else self.alerts

    @property
    def bulletins(self) -> str:
        """Topic of what concerns every bank."""
        return f"{self.prefix}bulletins"

    @property
    def acknowledgements(self) -> str:
        """Compacted topic of which bank has read which bulletin."""
        return f"{self.prefix}kozamori.acknowledgements"

    def acknowledgements_of(self, bank: str) -> str:
        """Topic of what this bank has read: its own where it has bulletins of its own, or that of all."""
        return f"{self.acknowledgements}.{bank}" if bank in self.bulletin_banks else self.acknowledgements

    def bulletins_of(self, bank: str) -> str:
        """Topic of the bulletins on this bank's own accounts; "" is that for all."""
        return f"{self.bulletins}.{bank}" if bank else self.bulletins

    @property
    def dead_letters(self) -> str:
        """Topic of input that could not be read."""
        return f"{self.prefix}dead-letters"

    @property
    def redrives(self) -> str:
        """Compacted topic of messages that entered their topic a second time; beside the source topics."""
        return f"{self._sources_prefix}kozamori.redrives"

    @property
    def audit(self) -> str:
        """Topic of who changed what."""
        return f"{self.prefix}kozamori.audit"

    def input_topic(self, node: "Node") -> str:
        """What a node reads: a source topic, or its hop."""
        sources = {ACCOUNT_EVENTS: self.account_events, WALLET_EVENTS: self.wallet_events}
        return self.hop_topic(node.name) if node.source is None else sources[node.source]

    def rows_topic(self, stage: str) -> str:
        """Compacted changelog of a stage's rows."""
        return f"{self.prefix}kozamori.rows.{stage}"

    def hop_topic(self, stage: str) -> str:
        """Input of a later stage, filled by the stages before it."""
        return f"{self.prefix}kozamori.hop.{stage}"


def environment_name(setting: str) -> str:
    """Name of a setting's environment variable."""
    return ENVIRONMENT_PREFIX + setting.upper()


def config_file(given: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The file of settings: the one given, or named by `KOZAMORI_CONFIG`."""
    return given or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)


def load_settings(flags: Mapping[str, object], environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """Settings from flags (`None` = not given), then the environment, then the TOML file, then defaults.

    In a pod of a StatefulSet, `static_member` is the pod's name where nothing else is given.

    `config` or `KOZAMORI_CONFIG` names the file. Raises UserError with one line per problem: the setting and where it
    came from, what was got, what was expected.
    """
    file = config_file(config, environ)
    layers: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("of the pod", _of_pod(environ)),
        (f"in {file}", _read_file(file) if file else {}),
        (
            "in the environment",
            {
                name: environ[environment_name(name)]
                for name in Settings.model_fields
                if environment_name(name) in environ
            },
        ),
        ("as a flag", {name: value for name, value in flags.items() if value is not None}),
    )
    given: dict[str, object] = {}
    origins: dict[str, str] = {}
    for origin, layer in layers:
        given.update(layer)
        origins.update(dict.fromkeys(layer, origin))
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise UserError("\n".join(_problem(found, given, origins) for found in error.errors())) from None


def _of_pod(environ: Mapping[str, str]) -> Mapping[str, object]:
    pod = environ.get("HOSTNAME", "")
    return {"static_member": pod} if "KUBERNETES_SERVICE_HOST" in environ and _STATEFUL.fullmatch(pod) else {}


def _read_file(path: Path) -> dict[str, object]:
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserError(f"settings file {path} cannot be read ({reason}); expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"settings file {path} is not TOML: {error}") from None
    return {name: value for name, value in read.items() if name != NOTIFY_TABLE}


def _problem(found: ErrorDetails, given: Mapping[str, object], origins: Mapping[str, str]) -> str:
    if found["type"] == "together":
        name, expected = found["msg"].split("\0")
        return f"setting {name}: got {getattr(found['input'], name, given.get(name))!r}, expected {expected}"
    name = str(found["loc"][0])
    where = f"setting {name} ({origins[name]})"
    if found["type"] == "extra_forbidden":
        # The value of an unknown key may be a secret in the wrong place: it is not repeated.
        return f"{where}: no such setting; expected one of {', '.join(Settings.model_fields)}"
    return f"{where}: got {given[name]!r}, expected {expected_text(name)}"


def expected_text(setting: str) -> str:
    """What a setting accepts, in words."""
    extra = Settings.model_fields[setting].json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["expected"])
