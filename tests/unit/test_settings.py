"""Settings: where a value comes from, and what is refused how."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from detector.errors import UserError
from detector.settings import Settings, load_settings

SASL = {"sasl_mechanism": "PLAIN", "sasl_username": "worker", "sasl_password_file": "password"}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kozamori.toml"
    path.write_text(text, "utf-8")
    return path


def refusal(flags: dict[str, object], environ: dict[str, str] | None = None, config: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load_settings(flags, environ or {}, config)
    return str(caught.value)


def test_the_defaults_are_valid_and_equal_to_nothing_given() -> None:
    assert Settings() == load_settings({}, {})


def test_a_flag_wins_over_the_environment_which_wins_over_the_file_which_wins_over_the_default(tmp_path: Path) -> None:
    config = write(tmp_path, "partitions = 8\nttl_days = 50\nmetrics_port = 1111\n")
    environ = {"KOZAMORI_TTL_DAYS": "60", "KOZAMORI_METRICS_PORT": "2222"}
    settings = load_settings({"metrics_port": 3333, "prefix": None}, environ, config)
    assert (settings.partitions, settings.ttl_days, settings.metrics_port, settings.prefix) == (8, 60, 3333, "")


def test_the_environment_may_name_the_file_and_a_flag_names_another(tmp_path: Path) -> None:
    config = write(tmp_path, "partitions = 8\n")
    assert load_settings({}, {"KOZAMORI_CONFIG": str(config)}).partitions == 8
    assert "absent.toml" in refusal({}, {"KOZAMORI_CONFIG": str(config)}, tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:1", ("a:1",)),
        ("a:1, b.example:9092", ("a:1", "b.example:9092")),
        ("[::1]:9092", ("[::1]:9092",)),
    ],
)
def test_brokers_are_host_and_port_separated_by_commas(text: str, expected: tuple[str, ...]) -> None:
    assert expected == load_settings({"bootstrap": text}, {}).bootstrap


@pytest.mark.parametrize(
    ("expected", "environ"),
    [
        ("kozamori-3", {"HOSTNAME": "kozamori-3", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}),
        ("", {"HOSTNAME": "kozamori-3"}),
        ("", {"HOSTNAME": "kozamori-7d4b9c6f5-12345", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}),  # of a Deployment
        ("a", {"HOSTNAME": "k-0", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KOZAMORI_STATIC_MEMBER": "a"}),
        ("", {"HOSTNAME": "k-0", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KOZAMORI_STATIC_MEMBER": ""}),
    ],
)
def test_a_pod_of_a_stateful_set_has_its_own_name_in_the_group(expected: str, environ: dict[str, str]) -> None:
    assert expected == load_settings({}, environ).static_member


def test_settings_cannot_be_changed_once_built() -> None:
    with pytest.raises(ValidationError):
        Settings().partitions = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("bank_budgets", "0116", "such as 0116=2"),
        ("alert_banks", "0116,", "a four-digit bank code"),
        ("bulletin_banks", "116", "a four-digit bank code"),
        ("bulletin_banks", "0116,bank", "a four-digit bank code"),
        ("bank_budgets", "0116=2,0116=3", "such as 0116=2"),
        ("bank_budgets", "0116=0", "such as 0116=2"),
        ("bootstrap", "", "host:port"),
        ("bootstrap", "localhost", "host:port"),
        ("bootstrap", "localhost:0", "host:port"),
        ("bootstrap", "localhost:65536", "host:port"),
        ("bootstrap", "a:1,,b:2", "host:port"),
        ("bootstrap", ["a b:1"], "host:port"),
        ("prefix", "with space.", "letters, digits"),
        ("prefix", "x" * 151, "letters, digits"),
        ("deployment", "", "letters, digits"),
        ("deployment", "-x", "beginning with a letter"),
        ("static_member", "a/b", "letters, digits"),
        ("partitions", 0, "from 1 to 4096"),
        ("partitions", 2.5, "from 1 to 4096"),
        ("partitions", True, "from 1 to 4096"),
        ("partitions", "many", "from 1 to 4096"),
        ("replication", 0, "from 1 to 7"),
        ("checkpoint_interval_ms", 49, "from 50 to 60000"),
        ("checkpoint_interval_ms", 60_001, "from 50 to 60000"),
        ("session_timeout_s", "nan", "seconds from 6 to 300"),
        ("heartbeat_s", -1, "seconds from 0.5 to 100"),
        ("rebalance_timeout_s", "inf", "seconds from 10 to 600"),
        ("ttl_days", 31, "from 32 to 3650"),
        ("dead_letter_share", 0, "above 0, at most 1"),
        ("dead_letter_share", 1.1, "above 0, at most 1"),
        ("metrics_host", "", "an address"),
        ("metrics_port", 65_536, "from 0 to 65535"),
        ("log_level", "verbose", "debug, info, warning or error"),
        ("log_format", "xml", "json or console"),
        ("sasl_mechanism", "OAUTHBEARER", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"),
        ("allow_plaintext_sasl", "perhaps", "true or false"),
        ("model", 3, "a path"),
    ],
)
def test_a_senseless_value_is_refused_with_its_name_and_what_was_expected(
    setting: str, value: object, expected: str
) -> None:
    message = refusal({setting: value})
    assert message.startswith(f"setting {setting} (as a flag): got {value!r}, expected ")
    assert expected in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("flags", "setting", "expected"),
    [
        ({"heartbeat_s": 4}, "heartbeat_s", "a third of session_timeout_s"),
        ({"session_timeout_s": 60}, "rebalance_timeout_s", "at least session_timeout_s"),
        (
            {"checkpoint_interval_ms": 20_000, "watchdog_s": 600},
            "checkpoint_interval_ms",
            "at most half of rebalance_timeout_s",
        ),
        ({"checkpoint_interval_ms": 10_000}, "watchdog_s", "at least 4 checkpoint intervals"),
        ({"tls_ca": "ca", "tls_cert": "cert"}, "tls_cert", "both tls_cert and tls_key"),
        ({"tls_cert": "cert", "tls_key": "key"}, "tls_cert", "tls_ca beside it"),
        ({"sasl_username": "worker"}, "sasl_mechanism", "together, or none"),
        ({"sasl_mechanism": "PLAIN", "sasl_username": "worker"}, "sasl_mechanism", "together, or none"),
        (SASL, "sasl_mechanism", "allow_plaintext_sasl = true"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(flags: dict[str, object], setting: str, expected: str) -> None:
    message = refusal(flags)
    assert message.startswith(f"setting {setting}: got ")
    assert expected in message


@pytest.mark.parametrize(("expected", "text"), [(("0116=2", "0005=0.5"), "0116=2, 0005=0.5"), ((), "")])
def test_budgets_of_banks_are_read_from_one_text(expected: tuple[str, ...], text: str) -> None:
    assert expected == load_settings({"bank_budgets": text}, {}).bank_budgets


@pytest.mark.parametrize("way_out", [{"tls_ca": "system"}, {"allow_plaintext_sasl": True}])
def test_sasl_is_accepted_with_tls_or_when_plaintext_is_allowed(way_out: dict[str, object]) -> None:
    assert load_settings({**SASL, **way_out}, {}).sasl_mechanism == "PLAIN"


def test_every_problem_gets_its_own_line_and_says_where_it_came_from(tmp_path: Path) -> None:
    config = write(tmp_path, "ttl_days = 1\nbootsrap = 'a:1'\n")
    lines = refusal({"partitions": 0}, {"KOZAMORI_METRICS_PORT": "x"}, config).splitlines()
    starts = (
        f"setting bootsrap (in {config}): no such setting",
        "setting metrics_port (in the environment): got 'x', expected ",
        "setting partitions (as a flag): got 0, expected ",
        f"setting ttl_days (in {config}): got 1, expected ",
    )
    assert [line.startswith(start) for line, start in zip(sorted(lines), starts, strict=True)] == [True] * 4


def test_an_unknown_setting_is_refused_without_repeating_its_value(tmp_path: Path) -> None:
    message = refusal({}, config=write(tmp_path, "sasl_password = 'hunter2'\n"))
    assert "sasl_password" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("text", ["partitions = ", "= 3", "partitions"])
def test_a_file_that_is_not_toml_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    config = write(tmp_path, text)
    assert f"settings file {config} is not TOML" in refusal({}, config=config)


def test_a_file_that_is_not_utf8_is_refused_with_its_name(tmp_path: Path) -> None:
    config = tmp_path / "latin.toml"
    config.write_bytes(b"prefix = '\xff'")
    assert f"settings file {config} cannot be read (not UTF-8)" in refusal({}, config=config)


def test_every_topic_is_under_the_prefix() -> None:
    settings = Settings(prefix="bank7.", deployment="blue")
    assert [
        settings.account_events,
        settings.wallet_events,
        settings.alerts,
        settings.bulletins,
        settings.dead_letters,
        settings.rows_topic("account"),
        settings.hop_topic("wallet"),
    ] == [
        "bank7.account-events",
        "bank7.wallet-events",
        "bank7.alerts",
        "bank7.bulletins",
        "bank7.dead-letters",
        "bank7.kozamori.rows.account",
        "bank7.kozamori.hop.wallet",
    ]
    assert settings.group == "kozamori.blue"


def test_a_second_reader_takes_only_the_source_topics_of_another_deployment() -> None:
    shadow = Settings(prefix="shadow.", input_prefix="live.")
    assert ["live.account-events", "live.wallet-events"] == [shadow.account_events, shadow.wallet_events]
    assert ["shadow.alerts", "shadow.dead-letters"] == [shadow.alerts, shadow.dead_letters]
    assert ["shadow.kozamori.hop.wallet", "shadow.kozamori.rows.account"] == [
        shadow.hop_topic("wallet"),
        shadow.rows_topic("account"),
    ]
    assert "account-events" == Settings(prefix="shadow.", input_prefix="").account_events


def test_a_second_reader_never_shares_a_group_with_the_deployment_that_it_reads() -> None:
    assert "kozamori.shadow.default" == Settings(prefix="shadow.", input_prefix="live.").group
    assert "kozamori.default" == Settings(prefix="live.").group


@pytest.mark.parametrize("prefix", ["", "live."])
def test_a_second_reader_needs_a_prefix_of_its_own(prefix: str) -> None:
    said = refusal({"prefix": prefix, "input_prefix": "live."})
    assert "setting input_prefix: got 'live.', expected setting prefix beside it" in said
