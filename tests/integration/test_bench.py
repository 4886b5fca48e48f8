"""The bench in small, on a real Kafka: the figures' form, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaAdminClient
from support.shared_kafka import Cluster

from detector.bench.contestants import NAMES

pytestmark = pytest.mark.timeout(300)

EVENTS = 400


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "detector.cli.main", "bench", *arguments]


def measured(*arguments: str) -> dict[str, Any]:
    """What a bench prints on standard output: one JSON object."""
    done = subprocess.run(command(*arguments, "--json"), capture_output=True, text=True, timeout=280, check=False)
    assert 0 == done.returncode, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def left(kafka: Cluster) -> list[str]:
    """Topics and groups that a bench made."""
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        return [name for name in [*admin.list_topics(), *group_names(admin)] if "bench-" in name]
    finally:
        admin.close()


def group_names(admin: KafkaAdminClient) -> list[str]:
    return [group["group_id"] for group in admin.list_groups()]


def test_every_contestant_gets_the_same_events_and_leaves_nothing(kafka: Cluster) -> None:
    report = measured("stream", "--events", str(EVENTS), "--rounds", "1", "--bootstrap", kafka.bootstrap, "--profile")
    assert list(NAMES) == [result["name"] for result in report["results"]]
    for result in report["results"]:
        # `take` hands over whole batches, so that plain Faust may see more than it was asked for, never less.
        assert result["events"] >= EVENTS
        assert result["events_per_s"] > 0
        assert result["cpu_us_per_event"] > 0
    assert [False, False, True, True, True, True, True] == [result["durable"] for result in report["results"]]
    assert (EVENTS, 1, 1) == (report["events"], report["rounds"], report["seed"])
    assert "Python" in report["machine"]
    assert ["fetch", "decode", "locate, admit", "features", "score", "alerts", "rows", "rest"] == [
        part["part"] for part in report["profile"]
    ]
    assert [] == left(kafka)


def test_rows_come_back_and_their_memory_is_told(kafka: Cluster) -> None:
    report = measured("recover", "--rows", "5000", "--rounds", "1", "--bootstrap", kafka.bootstrap)
    assert 5000 == report["rows"]
    assert report["rows_per_s"] > 0
    assert 50 < report["rss_mb"] < 2000
    assert [] == left(kafka)


def test_alerts_are_timed_from_the_producer_to_the_consumer(kafka: Cluster) -> None:
    report = measured("latency", "--rate", "1000", "--seconds", "5", "--bootstrap", kafka.bootstrap)
    assert 1000 == report["rate"]
    assert report["n"] > 5
    assert 0 < report["p50_ms"] <= report["p99_ms"] <= report["p999_ms"] <= report["max_ms"]
    assert report["worker_histogram_s"]["+Inf"] >= report["n"]
    assert [] == left(kafka)


def test_ctrl_c_leaves_nothing_behind(kafka: Cluster, tmp_path: Path) -> None:
    arguments = ("stream", "--only", "worker", "--events", "20000", "--bootstrap", kafka.bootstrap)
    errors = tmp_path / "stderr"
    with errors.open("wb") as log:
        bench = subprocess.Popen(
            command(*arguments), stdout=subprocess.DEVNULL, stderr=log, env=os.environ | {"TMPDIR": str(tmp_path)}
        )
    try:
        deadline = time.monotonic() + 120
        while "round 1" not in errors.read_text("utf-8") or not psutil.Process(bench.pid).children():
            assert bench.poll() is None, errors.read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers = psutil.Process(bench.pid).children(recursive=True)
        bench.send_signal(signal.SIGINT)
        assert 130 == bench.wait(60)
    finally:
        bench.kill()
    assert [] == [worker for worker in workers if worker.is_running()]
    assert [] == list(tmp_path.glob("kozamori-bench-*"))
    assert [] == left(kafka)
    assert "Traceback" not in errors.read_text("utf-8")
