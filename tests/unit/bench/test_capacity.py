"""What a rate needs: the arithmetic by hand on round figures, sizes on simulated events, and the reports it reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from detector.bench.capacity import CONTESTANTS, Sizes, Speeds, Wanted, capacity, sizes_of, speeds_of
from detector.bench.stream import WORKERS
from detector.cli.main import cli, run
from detector.core.chains import ACCOUNT_CHAIN, CHAINS
from detector.core.topology import topology_of
from detector.errors import UserError

SIZES = Sizes(300.0, 200.0, {"account": 1.0}, {"account": 272})
SPEEDS = Speeds(events_per_s=10_000.0, rows_per_s=500_000.0, process_bytes=1e9)
WANTED = Wanted(rate=30_000.0, accounts=6_000_000, replication=3, standby_replicas=0, busy=0.5)
STREAM = {"results": [{"name": "worker_sources", "events_per_s": 9_000.0}]}
RECOVER = {"rows_per_s": 400_000, "rss_mb": 600.0, "rows": 1_000_000, "row_bytes": 256}


def test_what_is_needed_is_what_one_reckons_by_hand() -> None:
    need = capacity(WANTED, SIZES, SPEEDS, topology_of(ACCOUNT_CHAIN))
    assert (6, 16) == (need["processes"], need["partitions"])  # 30,000 / 0.5 / 10,000; a power of two of at least 12
    assert pytest.approx(1 + 6e6 * 272 / 6 / 1e9) == need["memory_gb_each"]
    assert pytest.approx(2.0) == need["restore_s"]  # a million rows
    assert pytest.approx(30_000 * (300 + 200 + 272) * 3 / 1e6) == need["network_in_mb_per_s"]
    assert pytest.approx(30_000 * 500 / 1e6) == need["network_out_mb_per_s"]
    events, changelog = 30_000 * 300 * 35 * 86_400, 6e6 * 272 / 0.8
    hops = 16 * 2 * 32 * 1024 * 1024  # of one hop, to the cases
    assert pytest.approx((events + changelog + hops) * 3 / 1e9) == need["disk_gb"]


def test_one_process_of_two_may_fail_however_low_the_rate() -> None:
    need = capacity(Wanted(1.0, 1, 1, 0, 1.0), SIZES, SPEEDS, topology_of(ACCOUNT_CHAIN))
    assert (2, 4) == (need["processes"], need["partitions"])


def test_a_standby_takes_the_memory_and_the_reading_once_more() -> None:
    topology = topology_of(ACCOUNT_CHAIN)
    alone = capacity(WANTED, SIZES, SPEEDS, topology)
    followed = capacity(Wanted(30_000.0, 6_000_000, 3, 1, 0.5), SIZES, SPEEDS, topology)
    assert pytest.approx(2 * (alone["memory_gb_each"] - 1)) == followed["memory_gb_each"] - 1
    assert followed["network_out_mb_per_s"] > alone["network_out_mb_per_s"]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_sizes_are_those_of_rows_and_messages(chain: Any) -> None:
    sizes = sizes_of(chain, events=1_000)
    assert {stage.name: stage.row.itemsize + 16 for stage in chain.stages} == sizes.row_bytes
    assert 200 < sizes.event_bytes < 512
    assert (sizes.hop_bytes > 50) == (len(chain.stages) > 1), (
        "behind a single stage alerts go on, and what campaigns are of"
    )
    assert sizes.hop_bytes > 5
    assert 1.0 == sizes.rows_per_account["account"]


def test_speeds_are_read_from_the_reports_of_the_benches() -> None:
    assert Speeds(9_000.0, 400_000.0, 600e6 - 272e6) == speeds_of(STREAM, RECOVER, CHAINS[-1])
    assert set(WORKERS) == set(CONTESTANTS.values())
    with pytest.raises(UserError, match="--only worker --json"):
        speeds_of(STREAM, RECOVER, ACCOUNT_CHAIN)


def test_the_command_takes_reports_or_figures_and_prints_every_rate(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stream.json").write_text(json.dumps(STREAM), "utf-8")
    (tmp_path / "recover.json").write_text(json.dumps(RECOVER), "utf-8")
    files = ["--stream", str(tmp_path / "stream.json"), "--recover", str(tmp_path / "recover.json")]
    assert 0 == run(cli, ["capacity", *files, "--json"])
    shown = json.loads(capfd.readouterr().out)
    assert [268, 7_500, 65_000, 1_000_000] == [need["rate"] for need in shown["needs"]]
    assert 2 == run(cli, ["capacity", "--rate", "5"])
    assert "give --stream and --recover" in capfd.readouterr().err
    (tmp_path / "stream.json").write_text("[]", "utf-8")
    assert 2 == run(cli, ["capacity", *files])
    assert "is no report of a bench" in capfd.readouterr().err
