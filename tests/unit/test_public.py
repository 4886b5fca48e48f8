"""`import kozamori`: every name is there and on its page, and nothing is loaded before it is used."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import kozamori
from detector.cli.models import train
from detector.cli.scoring import score
from detector.cli.simulate import simulate
from detector.errors import UserError

PAGE = (Path(__file__).parents[2] / "kozamori" / "README.md").read_text("utf-8")
HEAVY = ("faust", "sklearn", "pandas", "pyarrow", "matplotlib", "rich", "click")


def test_every_name_is_there_and_on_the_page() -> None:
    assert sorted(kozamori.__all__) == list(kozamori.__all__) == dir(kozamori)
    for name in kozamori.__all__:
        assert getattr(kozamori, name).__name__ == name
        assert f"`{name}`" in PAGE
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        kozamori.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("names", "heavy"),
    [
        ("", (*HEAVY, "kafka", "msgspec", "numpy", "numba")),
        ("AlertSubscriber, Alert, UserError, Link, KeyedHash", (*HEAVY, "numpy", "numba", "pydantic")),
    ],
)
def test_a_subscriber_loads_no_more_than_it_uses(names: str, heavy: tuple[str, ...]) -> None:
    code = f"import kozamori, sys\n{f'from kozamori import {names}' if names else ''}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [] == [name for name in heavy if name in ran.stdout.split()]


def test_a_subscriber_takes_the_workers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("secret\n")
    config = tmp_path / "kozamori.toml"
    config.write_text(
        'bootstrap = "kafka-1:9093,kafka-2:9093"\nprefix = "east."\nmodel = "anywhere"\nsasl_mechanism = "PLAIN"\n'
        f'sasl_username = "desk"\nsasl_password_file = "{tmp_path / "password"}"\nallow_plaintext_sasl = true\n'
    )
    monkeypatch.setenv("KOZAMORI_PREFIX", "west.")
    assert {
        "bootstrap": ["kafka-1:9093", "kafka-2:9093"],
        "topic": "west.alerts",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "desk",
        "sasl_plain_password": "secret",
    } == kozamori.connection_from(config)
    with pytest.raises(UserError, match="cannot be read"):
        kozamori.connection_from(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("bank", "chosen"),
    [
        (None, {"topic": "alerts"}),
        ("0116", {"topic": "alerts.0116", "bank": "0116"}),
        ("9900", {"topic": "alerts", "bank": "9900"}),
    ],
)
def test_a_bank_with_a_topic_of_its_own_is_read_from_it(
    bank: str | None, chosen: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOZAMORI_ALERT_BANKS", "0116,0005")
    found = kozamori.connection_from(bank=bank)
    assert chosen == {name: found[name] for name in ("topic", "bank") if name in found}


def test_a_frame_is_scored_as_the_command_scores_its_file(tmp_path: Path) -> None:
    def run(command: object, *arguments: object) -> None:
        made = CliRunner().invoke(command, [str(one) for one in arguments], catch_exceptions=False)  # type: ignore[arg-type]
        assert made.exit_code == 0

    run(simulate, "-o", tmp_path / "h", "--accounts", "600", "--days", "4")
    events = tmp_path / "h" / "events.parquet"
    quick = "--burn-in", "0", "--no-inject", "--detectors", "forest", "--budget", "2"
    run(train, events, "-o", tmp_path / "model", *quick)
    run(score, events, "--model", tmp_path / "model", "-o", tmp_path / "scores.parquet")
    frame = pd.read_parquet(events)
    found = kozamori.score(frame, tmp_path / "model")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "scores.parquet"), found, check_dtype=False)
    half = len(frame) // 2
    later = kozamori.score(frame[half:], tmp_path / "model", warm_up=frame[:half])
    assert len(later) > 100
    assert list(found["alarm"].iloc[-len(later) :].dropna()) == list(later["alarm"].dropna())


def test_a_frame_of_mixed_types_is_refused_in_one_line(tmp_path: Path) -> None:
    good, mixed = (pd.DataFrame({"event_id": ["a", "b"], "amount_yen": yen}) for yen in ([1, 2], [1, "x"]))
    for events, warm_up, name in ((mixed, None, "events"), (good, mixed, "warm_up")):
        with pytest.raises(UserError, match=f"{name}: a column mixes types"):
            kozamori.score(events, tmp_path / "model", warm_up=warm_up)
