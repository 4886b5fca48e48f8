"""Types of the dashboard's tables: queries, panels and rows of panels."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, in which `%` stands for the selector of the chosen workers, and how its series are named."""

    promql: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a number with its colour, lines over time, stacked bars over time, or a ranking."""

    kind: Literal["number", "lines", "bars", "ranking"]
    title: str
    description: str
    unit: str
    width: int
    queries: tuple[Query, ...]
    thresholds: tuple[tuple[float | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels, for one kind of reader."""

    title: str
    panels: tuple[Panel, ...]


#: Stages that read source topics. All others see the same events again, from a hop.
INPUTS = "account|wallet-events"


def source_only(metric: str, *labels: str) -> str:
    """A metric of the stages that read source topics, so that each event is counted once."""
    selector = ", ".join((*labels, f'stage=~"{INPUTS}"', "%"))
    return f"{metric}{{{selector}}}"


def behind_a_hop(metric: str) -> str:
    """A metric of the stages that read a hop."""
    return f'{metric}{{stage!~"{INPUTS}", %}}'


def quantiles(metric: str) -> tuple[Query, ...]:
    """Median and high quantiles of a histogram."""
    return tuple(
        Query(f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{%}}[$__rate_interval])))", legend)
        for share, legend in ((0.5, "half of them"), (0.99, "99 of 100"))
    )


def by_stage(selected: str) -> Query:
    """A counter's increase per second, a line a stage."""
    return Query(f"sum by (stage) (rate({selected}[$__rate_interval]))", "{{stage}}")


def new(metric: str, label: str, over: str = "$__range", selector: str = "%") -> str:
    """A counter's increase over the time shown, or another, by `label`, new series included.

    increase() does not see the sample a series begins with, and a bank's first alert is the one that matters most.
    """
    of = f"{metric}{{{selector}}}"
    return f"sum by ({label}) ((increase({of}[{over}]) and {of} offset {over}) or {of})"


#: The banks and workers chosen at the top of the dashboard.
BANKS = 'bank=~"$bank", %'
