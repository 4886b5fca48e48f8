"""A canary's turn: what is counted when its alert comes, does not come, or Kafka fails."""

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from detector.canary.run import Canary
from detector.cli.main import cli, run
from detector.errors import UserError
from detector.observe.canary_metrics import CanaryMetrics
from detector.settings import Settings


def fails(settings: Settings, minute: int) -> float | None:
    raise UserError("no broker")


@pytest.mark.parametrize(
    ("prove", "failures", "answers"),
    [(lambda _settings, _minute: 0.2, 0, 1), (lambda _settings, _minute: None, 1, 0), (fails, 1, 0)],
    ids=["an alert", "no alert", "no Kafka"],
)
def test_every_canary_is_answered_or_has_failed(
    prove: Callable[[Settings, int], float | None], failures: int, answers: int
) -> None:
    registry = CollectorRegistry()
    Canary(Settings(), {}, CanaryMetrics(registry), prove).turn(1)
    names = ("kozamori_canary_sent_total", "kozamori_canary_failures_total", "kozamori_canary_seconds_count")
    assert [1, failures, answers] == [registry.get_sample_value(name) for name in names]


@pytest.mark.parametrize("given", [["116=a"], ["0116="], ["0116=a", "0116=b"]], ids=["code", "group", "twice"])
def test_a_desk_that_is_no_bank_and_group_is_refused(given: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert 2 == run(cli, ["canary", *(word for text in given for word in ("--desk", text))])
    assert "such as 0116=desk-0116" in capfd.readouterr().err
