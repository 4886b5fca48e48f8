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

#: However busy the machine: a small demo takes half a minute.
PATIENCE_S = 240.0
SMALL = ("--accounts", "2000", "--seconds", "2")
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
        # Where the tests themselves run in the background, Ctrl-C is ignored, and children would inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with self._said.open("wb") as said, self._json.open("wb") as answer:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "detector.cli.main", "demo", "-o", str(self.output), *options],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(self.temporary), "KOZAMORI_PREFIX": "not-for-the-demo."},
            )
        signal.signal(signal.SIGINT, before)

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
        """Processes and files that outlive it."""
        _, alive = psutil.wait_procs(self.met, patience_s)
        return [*(str(process) for process in alive), *map(str, self.temporary.iterdir())]


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


def test_on_an_existing_cluster_the_demo_leaves_no_topic_and_no_group(
    start: Callable[..., DemoProcess], kafka: Cluster
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        before = set(admin.list_topics())
        demo = start(*SMALL, "--bootstrap", kafka.bootstrap)
        demo.wait_for(demo.says("Worker started"))
        assert any(topic.startswith("kozamori-demo-") for topic in admin.list_topics())
        assert 0 == demo.process.wait(PATIENCE_S), demo.stderr()
        assert "cases of fraud" in demo.stdout()
        assert before == {topic for topic in admin.list_topics() if topic in before or "kozamori-demo-" in topic}
        assert [] == [group for group in admin.list_groups() if "kozamori.demo" in str(group)]
        assert [] == demo.left_behind(GONE_S)
    finally:
        admin.close()


def java_runs(demo: DemoProcess) -> bool:
    return any("java" in process.name() for process in demo.met if process.is_running())


MOMENTS: dict[str, Callable[[DemoProcess], Callable[[], bool]]] = {
    "Kafka starts": lambda demo: lambda: java_runs(demo),
    "days are simulated": lambda demo: demo.says("topics created"),
    "the model is trained": lambda demo: demo.says("1-10 September 2020 simulated"),
    "the worker starts": lambda demo: demo.says("trained on the normal days"),
    "it plays": lambda demo: demo.says("Now 1-10 September"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_leaves_no_process_and_no_file(start: Callable[..., DemoProcess], moment: str) -> None:
    demo = start("--accounts", "2000", "--seconds", "600")
    demo.wait_for(MOMENTS[moment](demo))
    demo.process.send_signal(signal.SIGINT)
    assert 130 == demo.process.wait(PATIENCE_S)
    assert [] == demo.left_behind(GONE_S)
    assert "Traceback" not in demo.stderr()


def test_a_killed_demo_leaves_no_process_and_no_file(start: Callable[..., DemoProcess]) -> None:
    demo = start("--accounts", "2000", "--seconds", "600")
    demo.wait_for(demo.says("Now 1-10 September"))
    demo.process.kill()
    demo.process.wait()
    assert [] == demo.left_behind(GUARD_S)


@pytest.mark.parametrize(
    ("part", "words"), [("worker", "the worker ended"), ("kafka.Kafka", "Kafka ended while the demo ran")]
)
def test_a_part_that_dies_ends_the_demo_with_one_line(start: Callable[..., DemoProcess], part: str, words: str) -> None:
    demo = start("--accounts", "2000", "--seconds", "600")
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
def test_what_cannot_work_is_one_line(start: Callable[..., DemoProcess], options: tuple[str, ...], words: str) -> None:
    demo = start(*options)
    assert 2 == demo.process.wait(PATIENCE_S)
    assert words in demo.stderr()
    assert 1 == len(demo.stderr().splitlines())
    assert "" == demo.stdout()
