"""Normal days of a deployment as series for promtool: nights, weekends, pay-days, a roll-out a night, bad records.

Within an hour counters grow evenly, in numbers drawn for that hour, so that a month is a few lines.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

HOURS = 24
#: Of the day's events by hour: a tenth of the mean at night, twice of it in the evening.
BY_HOUR = np.array([3, 2, 1, 1, 1, 2, 4, 8, 10, 10, 10, 11, 13, 12, 10, 10, 11, 13, 15, 16, 15, 13, 9, 5]) / 205
PAY_DAYS = (0, 14, 24)
#: Events a day of each service on a weekday; the last is as small as one can be to be watched at all.
SERVICES = {"paypay": 12_000_000.0, "merpay": 3_000_000.0, "docomo_account": 40_000.0, "kyash": 2_400.0}
BANKS = {"0001": 8.0, "0116": 2.0, "0149": 0.5}
ROLL_OUT_HOUR = 3
BUDGET = 20.0


class Series(NamedTuple):
    """A series by name, labels and values in promtool's notation."""

    name: str
    labels: dict[str, str]
    values: str

    def entry(self) -> dict[str, str]:
        """As a rule test has it."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return {"series": f"{self.name}{{{labels}}}", "values": self.values}


class Month:
    """The series of a deployment over `days`, drawn by `seed`, a sample every `step` minutes.

    In the hours from the beginning on that are in `silent` the service paypay has no event.
    """

    def __init__(
        self, deployment: str, seed: int, *, days: int, step: int, workers: str = "abc", silent: range = range(0)
    ) -> None:
        self._labels = {"deployment": deployment, "job": "kozamori"}
        self._rng = np.random.default_rng(seed)
        self._days, self._step, self._workers, self._silent = days, step, workers, silent
        weekday = np.where(np.arange(days) % 7 >= 5, 0.7, 1.0)
        weekday[[day for day in PAY_DAYS if day < days]] *= 1.8
        self._by_hour = np.outer(weekday, BY_HOUR).ravel()

    def series(self) -> Iterator[Series]:
        """All of them."""
        total = np.zeros(len(self._by_hour))
        for service, daily in SERVICES.items():
            events = self._rng.poisson(self._by_hour * daily).astype(float)
            if service == "paypay":
                events[list(self._silent)] = 0
            total += events
            labels = {
                "stage": "account",
                "kind": "link",
                "service": service,
                "result": "ok",
                "instance": self._workers[0],
            }
            yield self._counter("kozamori_events_total", events, **labels)
        yield from self._working(total)
        yield from self._alerts()
        yield from self._outside()

    def _working(self, events: np.ndarray) -> Iterator[Series]:
        for number, worker in enumerate(self._workers):
            mine, own = events / len(self._workers), {"instance": worker}
            at = 10 * number  # minutes into the roll-out
            yield self._nightly("up", own, 1, {at: 0})
            yield self._nightly("kozamori_ready", own, 1, {at + 1: 0})
            yield self._nightly("kozamori_stalled_seconds", own, 0, {at + 2: 2})
            yield self._nightly("kozamori_assigned_partitions", own, 48, {at: 0, at + 1: 32})
            yield self._nightly("kozamori_partitions", own, 48 * len(self._workers), {})
            started = " ".join(f"{day * 86_400}x{HOURS * 60 // self._step - 1}" for day in range(self._days))
            yield Series("process_start_time_seconds", self._labels | own, started)
            for stage in ("account", "wallet-events", "wallet", "cases"):
                of = own | {"stage": stage}
                yield self._counter("kozamori_chunk_events_sum", mine, **of)
                yield self._counter("kozamori_chunk_events_count", mine / 50 + 60, **of)
                lag, bump = (40, 60_000) if stage in {"account", "wallet-events"} else (3, 900)
                yield self._nightly("kozamori_lag_events", of | {"partition": str(number)}, lag, {at + 1: bump})
            of = own | {"stage": "account"}
            yield self._counter("kozamori_checkpoint_seconds_count", np.full(len(events), 10_800.0), **of)
            yield self._nightly("kozamori_unacknowledged_events", of | {"partition": str(number)}, 300, {})
            yield self._counter(
                "kozamori_rebalances_total", np.tile(np.eye(HOURS)[ROLL_OUT_HOUR] * 3, self._days), **own
            )
            stray = self._rng.poisson(mine / 20_000).astype(float)
            yield self._counter("kozamori_dead_letters_total", stray, **own, reason="malformed_json")
            yield self._counter("kozamori_dead_letters_by_partition_total", stray, **of, partition=str(number))
            yield self._nightly("kozamori_withheld_events", of | {"partition": str(number)}, 0, {at: 7})
            yield self._counter("kozamori_deleted_events_total", np.zeros(len(events)), **of)

    def _alerts(self) -> Iterator[Series]:
        own = {"instance": self._workers[0]}
        cases = self._rng.poisson(self._by_hour * BUDGET).astype(float)
        late = self._rng.binomial(cases.astype(int), 0.002).astype(float)
        late[ROLL_OUT_HOUR :: 9 * HOURS] += 1  # at every ninth roll-out
        yield self._counter("kozamori_cases_total", cases, **own, severity="high")
        yield self._counter("kozamori_event_to_alert_seconds_bucket", cases, **own, le="2.5")
        yield self._counter("kozamori_event_to_alert_seconds_bucket", cases + late, **own, le="+Inf")
        yield self._nightly("kozamori_alert_budget_per_day", own, BUDGET, {})
        # Of a case's events some look so unusual.
        unusual = self._rng.poisson(self._by_hour * BUDGET * 2).astype(float)
        yield self._counter("kozamori_alarm_per_day_bucket", unusual, **own, stage="source", le="20.0")
        for bank, budget in BANKS.items():
            at_bank = self._rng.poisson(self._by_hour * budget).astype(float)
            yield self._counter("kozamori_cases_by_bank_total", at_bank, **own, bank=bank)
            yield self._nightly("kozamori_bank_alert_budget_per_day", own | {"bank": bank}, budget, {})
        yield self._nightly("kozamori_limit_multiplier", own | {"bank": "shared"}, 0.8, {})

    def _outside(self) -> Iterator[Series]:
        own = {"job": "kozamori-canary", "instance": "x"}
        sent = np.full(len(self._by_hour), 60.0)
        yield self._counter("kozamori_canary_sent_total", sent, **own)
        failed = np.zeros(len(self._by_hour))
        failed[ROLL_OUT_HOUR :: 5 * HOURS] = 1
        yield self._counter("kozamori_canary_failures_total", failed, **own)
        for bank in BANKS:
            of = own | {"bank": bank, "group": f"desk-{bank}"}
            yield self._nightly("kozamori_desk_unread_seconds", of, 60, {20: 240, 21: 300})

    def _counter(self, name: str, each_hour: np.ndarray, **labels: str) -> Series:
        """A counter that grows by so many in each hour."""
        begins = np.concatenate(([0.0], np.cumsum(each_hour)[:-1]))
        samples = 60 // self._step
        hours = zip(begins.tolist(), (each_hour / samples).tolist(), strict=True)
        values = " ".join(f"{begin:.10g}+{step:.10g}x{samples - 1}" for begin, step in hours)
        return Series(name, self._labels | labels, values)

    def _nightly(self, name: str, labels: dict[str, str], usual: float, at: dict[int, float]) -> Series:
        """A gauge that has its usual value but at some minutes of the roll-out's hour."""
        by_slot = {minute // self._step: value for minute, value in at.items()}
        hour = [by_slot.get(slot, usual) for slot in range(60 // self._step)]
        before, behind = ROLL_OUT_HOUR * len(hour), (HOURS - 1 - ROLL_OUT_HOUR) * len(hour)
        day = " ".join([f"{usual:g}x{before - 1}", *(f"{value:g}" for value in hour), f"{usual:g}x{behind - 1}"])
        return Series(name, self._labels | labels, " ".join([day] * self._days))
