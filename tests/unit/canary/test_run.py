"""A canary's turn: what is counted when its alert comes, does not come, or Kafka fails."""

from collections.abc import Callable, Collection, Mapping

import pytest
from prometheus_client import CollectorRegistry

from detector.canary.run import Canary
from detector.cli.main import cli, run
from detector.errors import UserError
from detector.observe.canary_metrics import CanaryMetrics
from detector.settings import Settings

FIGURES = ("unread_alerts", "look_failures_total")


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
    Canary(Settings(), {}, CanaryMetrics(registry), prove=prove).turn(1)
    names = ("kozamori_canary_sent_total", "kozamori_canary_failures_total", "kozamori_canary_seconds_count")
    assert [1, failures, answers] == [registry.get_sample_value(name) for name in names]


class Desks:
    """What Kafka answers: the end of the one partition, and how far both desks have read; UserError for `refused`."""

    def __init__(self, refused: Collection[str]) -> None:
        self.refused: Collection[str] = ()
        self.registry = CollectorRegistry()
        desks = {"0116": "one", "0149": "two"}
        metrics = CanaryMetrics(self.registry)
        self.canary = Canary(Settings(), desks, metrics, prove=self.prove, ends=self.ends, commits=self.commits)
        self.canary.turn(1)
        self.refused = refused
        self.canary.turn(2)

    def prove(self, settings: Settings, minute: int) -> float | None:
        return fails(settings, minute) if "prove" in self.refused else 0.2

    def ends(self, settings: Settings, topic: str) -> Mapping[int, int]:
        if "ends" in self.refused:
            raise UserError("the topic may not be described")
        return {0: 9}

    def commits(self, settings: Settings, group: str, topic: str) -> Mapping[int, int]:
        if group in self.refused:
            raise UserError("the group may not be described")
        return {0: 7}

    def figures(self, bank: str, group: str) -> list[float | None]:
        """Unread alerts, and looks that failed."""
        labels = {"bank": bank, "group": group}
        return [self.registry.get_sample_value(f"kozamori_desk_{name}", labels) for name in FIGURES]


@pytest.mark.parametrize(
    ("refused", "one", "two"),
    [
        ((), [2, 0], [2, 0]),
        (("one",), [None, 1], [2, 0]),
        (("ends",), [None, 1], [None, 1]),
        (("prove",), [2, 0], [2, 0]),
    ],
    ids=["all is told", "one group is not", "the topic is not", "no event could be sent"],
)
def test_a_desk_of_which_nothing_is_known_has_no_figure_and_a_failure_and_the_others_are_seen(
    refused: Collection[str], one: list[float | None], two: list[float | None]
) -> None:
    desks = Desks(refused)
    assert [one, two] == [desks.figures("0116", "one"), desks.figures("0149", "two")]


@pytest.mark.parametrize("given", [["116=a"], ["0116="], ["0116=a", "0116=b"]], ids=["code", "group", "twice"])
def test_a_desk_that_is_no_bank_and_group_is_refused(given: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert 2 == run(cli, ["canary", *(word for text in given for word in ("--desk", text))])
    assert "such as 0116=desk-0116" in capfd.readouterr().err
