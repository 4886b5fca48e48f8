import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from kafka import KafkaAdminClient
from support.shared_kafka import Cluster

from detector.cli.main import cli, run

#: However busy the machine: a small demo takes half a minute.
PATIENCE_S = 240.0
SMALL = ("--accounts", "2000", "--seconds", "2")
#: Longer than any test looks.
LONG = ("--accounts", "2000", "--seconds", "600")
#: The end of a demo takes the time of a clean end of Kafka and the worker; what a guard does after a kill, a bit more.
GONE_S, GUARD_S = 1.0, 40.0

pytestmark = pytest.mark.timeout(PATIENCE_S + 60)


class DemoProcess:
    """One `kozamori demo` with a temporary folder of its own; remembers every process that it had."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.output = folder / "output"
        self._said = folder / "said"
        self._json = folder / "json"
        self.met: set[psutil.Process] = set()
        with self._said.open("wb") as said, self._json.open("wb") as answer:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "detector.cli.main", "demo", "-o", str(self.output), *options],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(self.temporary), "KOZAMORI_PREFIX": "not-for-the-demo."},
            )

    def stderr(self) -> str:
        return self._said.read_text("utf-8")

    def stdout(self) -> str:
        return self._json.read_text("utf-8")

    def wait_for(self, happens: Callable[[], bool]) -> None:
        """Return when it happens; fail when the demo ends before."""
        deadline = time.monotonic() + PATIENCE_S
        while not happens():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stderr()[-2000:]}"
            assert time.monotonic() < deadline, self.stderr()[-2000:]
            self.met.update(psutil.Process(self.process.pid).children(recursive=True))
            time.sleep(0.02)

    def says(self, text: str) -> Callable[[], bool]:
        return lambda: text in self.stderr() or text in self.stdout()

    def left_behind(self, patience_s: float) -> list[str]:
        """Processes and files that outlive it, where it started too."""
        _, alive = psutil.wait_procs(self.met, patience_s)
        own = {self.temporary, self.output, self._said, self._json}
        files = [*self.temporary.iterdir(), *(set(self.temporary.parent.iterdir()) - own)]
        return [*(str(process) for process in alive), *map(str, files)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., DemoProcess]]:
    """Starts a demo that ends with the test."""
    started: list[DemoProcess] = []

    def start(*options: str) -> DemoProcess:
        started.append(DemoProcess(tmp_path, *options))
        return started[-1]

    yield start
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def test_the_demo_finds_cases_writes_its_report_and_stays_with_keep_until_interrupted(
    start: Callable[..., DemoProcess],
) -> None:
    demo = start(*SMALL, "--keep", "--json")
    demo.wait_for(demo.says("Still running"))
    figures = json.loads((demo.output / "summary.json").read_text())
    with urlopen(figures["metrics"]) as answer:
        assert (HTTPStatus.OK, True) == (answer.status, b"kozamori_events_total" in answer.read())
    assert b"\x89PNG" == (demo.output / "report.png").read_bytes()[:4]
    # The seed is fixed, and what is simulated, learnt and alerted follows from it.
    assert (10, 66, 19_800_000) == (figures["days"], figures["cases"], figures["yen_debited"])
    assert 60 <= figures["cases_alerted"] <= 66
    assert 0 <= figures["yen_lost_until_first_alert"] < figures["yen_debited"] / 2
    assert figures["alerts"] >= figures["cases_alerted"] + figures["false_groups"]
    shares = sum(figures["false_groups_per_bank_and_day"].values())
    assert pytest.approx(shares) == figures["false_groups_per_day"] == figures["false_groups"] / 10
    assert demo.stderr().count("  attack\n") >= figures["cases_alerted"]

    demo.process.send_signal(signal.SIGINT)
    assert 0 == demo.process.wait(PATIENCE_S)
    assert figures == json.loads(demo.stdout())
    assert [] == demo.left_behind(GONE_S)


def left_on(cluster: Cluster) -> list[str]:
    """Topics and groups of demos."""
    admin = KafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    try:
        topics = [topic for topic in admin.list_topics() if topic.startswith("kozamori-demo-")]
        return [*topics, *(str(group) for group in admin.list_groups() if "kozamori.demo" in str(group))]
    finally:
        admin.close()


def test_on_an_existing_cluster_the_demo_leaves_no_topic_and_no_group(
    start: Callable[..., DemoProcess], kafka: Cluster
) -> None:
    demo = start(*SMALL, "--bootstrap", kafka.bootstrap)
    demo.wait_for(demo.says("Worker started"))
    assert [] != left_on(kafka)
    assert 0 == demo.process.wait(PATIENCE_S), demo.stderr()
    assert "cases of fraud" in demo.stdout()
    assert [] == left_on(kafka)
    assert [] == demo.left_behind(GONE_S)


def interrupt(demo: DemoProcess) -> None:
    demo.process.send_signal(signal.SIGINT)
    assert 130 == demo.process.wait(PATIENCE_S), demo.stderr()
    assert [] == demo.left_behind(GONE_S)
    assert "Traceback" not in demo.stderr()


def test_ctrl_c_while_kafka_starts_leaves_no_process_and_no_file(start: Callable[..., DemoProcess]) -> None:
    demo = start(*LONG)
    demo.wait_for(lambda: any("java" in process.name() for process in demo.met if process.is_running()))
    interrupt(demo)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("days are simulated", "created on"),
        ("the model is trained", "1-10 September 2020 simulated"),
        ("the worker starts", "trained on the normal days"),
        ("it plays", "Now 1-10 September"),
    ],
)
def test_ctrl_c_leaves_no_process_no_file_and_no_topic(
    start: Callable[..., DemoProcess], kafka: Cluster, moment: str, words: str
) -> None:
    demo = start(*LONG, "--bootstrap", kafka.bootstrap)
    demo.wait_for(demo.says(words))
    interrupt(demo)
    assert [] == left_on(kafka), moment


def test_a_killed_demo_leaves_no_process_and_no_file(start: Callable[..., DemoProcess]) -> None:
    demo = start(*LONG)
    demo.wait_for(demo.says("Now 1-10 September"))
    demo.process.kill()
    demo.process.wait()
    assert [] == demo.left_behind(GUARD_S)


@pytest.mark.parametrize(
    ("part", "words"), [("worker", "the worker ended"), ("kafka.Kafka", "Kafka ended while the demo ran")]
)
def test_a_part_that_dies_ends_the_demo_with_one_line(start: Callable[..., DemoProcess], part: str, words: str) -> None:
    demo = start(*LONG)
    demo.wait_for(demo.says("Now 1-10 September"))
    # The guards have the whole command line too, and are to see to the end of it.
    victims = [process for process in demo.met if process.is_running() and part in process.cmdline()]
    for process in victims:
        if not any("guard.py" in argument for argument in process.cmdline()):
            process.kill()
    assert 2 == demo.process.wait(PATIENCE_S)
    assert words in demo.stderr()
    assert 1 == len(demo.stderr().splitlines())
    assert [] == demo.left_behind(GONE_S)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--bootstrap", "127.0.0.1:1"), "127.0.0.1:1"),
        (("--bootstrap", "nowhere"), "expected host:port"),
        (("--seconds", "0"), "--seconds"),
        (("--accounts", "5"), "--accounts"),
        (("--budget", "-1"), "--budget"),
        (("-o", "/dev/null/report"), "choose another folder with -o"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_work_is_one_line(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    assert 2 == run(cli, ["demo", "-o", str(tmp_path), *options])
    told = capsys.readouterr()
    assert words in told.err
    assert 1 == len(told.err.splitlines())
    assert "" == told.out
