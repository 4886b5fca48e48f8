"""The systemd unit, by systemd's own tool and in step with settings and exit statuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.prometheus import program

from detector.cli.main import cli, run
from detector.settings import Settings, environment_name, load_settings

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "kozamori-worker.service"
TEXT = UNIT.read_text("utf-8")
#: Of ten, 0 being the least exposed; in tenths. What is left is the network, and code that is made in memory.
MOST_EXPOSED = 20


def values(name: str) -> list[str]:
    """The values of a directive, in order."""
    return re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)


def asked(tmp_path: Path, *question: str, wrong: str = "") -> subprocess.CompletedProcess[str]:
    """What systemd-analyze says of the unit, its program one that is installed here; `wrong` is one more line of it."""
    (command,) = values("ExecStart")
    text = TEXT.replace(command.split()[0], sys.executable).replace("[Service]", f"[Service]\n{wrong}")
    (tmp_path / UNIT.name).write_text(text, "utf-8")
    words = [program("systemd-analyze", "systemd"), *question, str(tmp_path / UNIT.name)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_systemd_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    said = asked(tmp_path, "verify", "--man=no")
    assert (0, "", "") == (said.returncode, said.stdout, said.stderr)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("RestartPreventExitStatuses=2", "RestartPreventExitStatuses"),
        ("TimeoutStopSec=soon", "soon"),
        ("SystemCallFilter=@no-such", "@no-such"),
    ],
)
def test_systemd_says_what_is_wrong(wrong: str, named: str, tmp_path: Path) -> None:
    assert named in asked(tmp_path, "verify", "--man=no", wrong=wrong).stderr


def test_it_is_hardly_exposed(tmp_path: Path) -> None:
    said = asked(tmp_path, "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}")
    print(said.stdout.splitlines()[-1])
    assert 0 == said.returncode, said.stdout


def test_what_wants_a_person_is_not_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment_name("model"), raising=False)
    status = run(cli, ["worker"])
    assert [str(status)] == values("RestartPreventExitStatus")
    assert ["on-failure"] == values("Restart")


def test_it_is_given_time_for_its_last_checkpoint() -> None:
    (seconds,) = values("TimeoutStopSec")
    assert int(seconds) > Settings().rebalance_timeout_s / 2 + 5


def test_its_environment_holds_settings_that_are_accepted() -> None:
    given = dict(value.split("=", 1) for value in values("Environment"))
    ours = {
        name: value.replace("%H", "host-1.example").replace("%d", "/run/credentials/x") for name, value in given.items()
    }
    numba = ours.pop("NUMBA_CACHE_DIR")
    assert set(ours) <= {environment_name(name) for name in Settings.model_fields}
    whole = ours | {
        "KOZAMORI_TLS_CA": "system",
        "KOZAMORI_SASL_MECHANISM": "SCRAM-SHA-512",
        "KOZAMORI_SASL_USERNAME": "k",
    }
    assert load_settings({}, whole).static_member == "host-1.example"
    (credential,) = values("LoadCredential")
    assert given["KOZAMORI_SASL_PASSWORD_FILE"] == f"%d/{credential.partition(':')[0]}"
    assert numba == f"%C/{values('CacheDirectory')[0]}"
