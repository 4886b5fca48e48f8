"""A histogram fed with whole arrays: prometheus_client's own takes one value at a time, in Python."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from detector.observe.catalogue import BY_NAME


class TallyRow:
    """Counts of one label value; one writer."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = np.array(bounds)
        self.counts = np.zeros(len(bounds) + 1, np.int64)  # the last: above every bound
        self.total = 0.0

    def add(self, values: npt.NDArray[np.float64]) -> None:
        """Count all finite `values` (n,)."""
        finite = values[np.isfinite(values)]
        bins = np.searchsorted(self._bounds, finite, side="left")
        self.total += float(finite.sum())
        # Replaced, not added to in place: a scrape meanwhile sees the old counts or the new.
        self.counts = self.counts + np.bincount(bins, minlength=len(self.counts))


class Tally(Collector):
    """`kozamori_alarm_per_day`, one row a stage."""

    METRIC = "kozamori_alarm_per_day"

    def __init__(self) -> None:
        self._rows: dict[str, TallyRow] = {}

    def row(self, stage: str) -> TallyRow:
        """The counts of a stage, made when first asked for."""
        return self._rows.setdefault(stage, TallyRow(BY_NAME[self.METRIC].buckets))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The family, buckets cumulated as Prometheus wants them."""
        metric = BY_NAME[self.METRIC]
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*(repr(float(bound)) for bound in metric.buckets), "+Inf"]
        for stage, row in list(self._rows.items()):
            cumulated = np.cumsum(row.counts).tolist()
            family.add_metric([stage], list(zip(bounds, cumulated, strict=True)), row.total)
        yield family
