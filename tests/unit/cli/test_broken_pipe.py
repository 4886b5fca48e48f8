"""A reader that leaves early (`| head`): no traceback, and an alert that nobody got is not done."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
import pytest
from support.alerts import make_alert

from detector.cli.alerts import alerts
from detector.cli.cases import cases
from detector.contract.alerts import Alert


class Pipe(io.StringIO):
    """A standard output that nobody reads any more."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT)

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self.file


class Subscriber:
    """Two alerts; `ended` has the exception that each block ended with."""

    ended: list[type[BaseException] | None]

    def __init__(self, bootstrap: str, **options: Any) -> None:
        del bootstrap, options

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.append(kind)

    def __iter__(self) -> Iterator[Alert]:
        return iter([make_alert(7), make_alert(8)])


@pytest.mark.parametrize(
    ("command", "module"), [(alerts, "detector.cli.alerts"), (cases, "detector.cli.cases")], ids=["alerts", "cases"]
)
def test_the_subscriber_hears_that_an_alert_was_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: click.Command, module: str
) -> None:
    Subscriber.ended = []
    monkeypatch.setattr(f"{module}.AlertSubscriber", Subscriber)
    monkeypatch.setattr("sys.stdout", Pipe(tmp_path / "out"))
    command.main(["--json"], standalone_mode=False)
    assert [BrokenPipeError] == Subscriber.ended
