"""A real Prometheus for tests, and promtool: Debian's `prometheus` package has both."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

START_S = 30.0


def program(name: str, package: str = "prometheus") -> str:
    """Path of a program; skips the test where there is none, and fails it on CI."""
    path = shutil.which(name)
    if path is None:
        message = f"{name} is not installed; Debian: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


def promtool() -> str:
    """Path of promtool; skips the test where there is none, and fails it on CI."""
    return program("promtool")


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running server that scrapes one target every second."""

    url: str

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query: [] or [{"metric": labels, "value": [time, text]}, …]; a scalar as one of it.

        Raises ValueError with Prometheus' own words where it refuses the query.
        """
        answer = _get(f"{self.url}/api/v1/query?{urlencode({'query': promql})}")
        if answer["status"] != "success":
            raise ValueError(f"{promql}: {answer['error']}")
        data = answer["data"]
        result: list[dict[str, Any]] = data["result"]
        return [{"metric": {}, "value": result}] if data["resultType"] == "scalar" else result

    def wait_for(self, promql: str, timeout_s: float = START_S) -> list[dict[str, Any]]:
        """The query's result as soon as it is not empty; raises TimeoutError where it stays empty."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if result := self.query(promql):
                return result
            time.sleep(0.2)
        raise TimeoutError(f"no data for {promql} within {timeout_s:g} s")


@contextmanager
def prometheus(target: str, rules: Sequence[Path] = (), consoles: Path | None = None) -> Iterator[Prometheus]:
    """A Prometheus on loopback that scrapes `target` (host:port) every second as job `kozamori`; gone afterwards.

    It evaluates `rules` as often and serves the pages of `consoles`.
    """
    server = program("prometheus")
    with tempfile.TemporaryDirectory(prefix="kozamori-prometheus-") as folder:
        config = Path(folder) / "prometheus.yml"
        # JSON is YAML.
        scrape = {"job_name": "kozamori", "static_configs": [{"targets": [target]}]}
        interval = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        files = {"rule_files": [str(path) for path in rules]}
        config.write_text(json.dumps({"global": interval, "scrape_configs": [scrape], **files}), "utf-8")
        address = f"127.0.0.1:{_free_port()}"
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    server,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={folder}/data",
                    f"--web.listen-address={address}",
                    "--log.level=warn",
                    *([f"--web.console.templates={consoles}"] if consoles else []),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait_until_up(process, f"http://{address}", log)
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urlopen(f"{url}/-/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"prometheus did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _get(url: str) -> dict[str, Any]:
    try:
        with urlopen(url, timeout=10) as answer:
            body: dict[str, Any] = json.load(answer)
    except URLError as error:
        if (file := getattr(error, "fp", None)) is None:
            raise
        body = json.load(file)
    return body
