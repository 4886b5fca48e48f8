"""Metrics: what the methods count, and what a scrape sees."""

import subprocess

import numpy as np
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from support.prometheus import promtool

from detector.contract import canary
from detector.contract.batch import DTYPES, OWN, RECEIVING, Batch
from detector.contract.vocabulary import ABSENT, DEBIT, LINK, TRANSFER, UNLINK
from detector.observe.catalogue import METRICS
from detector.observe.metrics import Metrics


def batch(*events: tuple[int, int, int, int]) -> Batch:
    """Events of (kind, service, result, occurred_at_ms)."""
    columns = {name: np.zeros(len(events), dtype) for name, dtype in DTYPES.items()}
    for name, values in zip(("kind", "service", "result", "occurred_at_ms"), zip(*events, strict=True), strict=False):
        columns[name][:] = values
    return Batch(**columns)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def statuses(*codes: int) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    return np.array(codes, np.int8)


def busy() -> Metrics:
    """Metrics on which every method was called."""
    metrics = Metrics("1.2.3")
    metrics.model(version="m1", sha256="ab", budget_per_day=20, detectors=("forest",))
    metrics.burn_in(1_209_600)
    metrics.bank_budgets({"0116": 0.5})
    metrics.multiplier("shared", 1.1)
    metrics.dead_letter_reasons(("not_json",))
    metrics.dead_letters("not_json", 3)
    metrics.alert(
        bank="0116", service="paypay", severity="high", detector="forest", update=0, yen_debited=100, yen_at_risk=200
    )
    metrics.alert_durable(0.12)
    metrics.rebalanced(4, 1)
    metrics.standby({("wallet", 0): 7})
    metrics.partitions(12)
    metrics.ready(ready=True)
    metrics.stalled(1.5)
    stage = metrics.stage("account")
    events = batch(*((LINK, 2, 0, 5),) * 3)
    stage.chunk(0, events, statuses(0, 0, 0), seconds=0.01, watermark_ms=5, alarm=np.array([3.0, np.inf, 1e9]))
    stage.hop_sent(2, 600)
    stage.hop_repeats(3)
    stage.dead_letters(0, 3)
    stage.lag(0, 7)
    stage.withheld(0, 2)
    stage.deleted(5)
    stage.unacknowledged(0, 8)
    stage.rows(0, 9, 900)
    stage.age(0, 3_600)
    stage.checkpoint(0.2, 9)
    stage.expired(1)
    stage.restored(9, 0.5)
    return metrics


def test_a_busy_worker_shows_every_metric_of_the_table_and_no_other_of_ours() -> None:
    families = text_string_to_metric_families(generate_latest(busy().registry).decode())
    shown = {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in families
        if family.samples and family.name.startswith("kozamori_")
    }
    assert {metric.name for metric in METRICS} == set(shown)
    for metric in METRICS:
        labels = set(shown[metric.name].samples[0].labels) - {"le"}
        assert (metric.type, metric.help, set(metric.labels)) == (
            shown[metric.name].type,
            shown[metric.name].documentation,
            labels,
        )


def test_cases_of_a_bank_are_counted_against_its_budget() -> None:
    metrics = Metrics("1.2.3")
    metrics.bank_budgets({"0116": 0.5, "0005": 2.0})
    for bank, update in (("0116", 0), ("0116", 1), ("", 0)):
        metrics.alert(
            bank=bank, service="paypay", severity="high", detector="x", update=update, yen_debited=1, yen_at_risk=1
        )
    opened = [value(metrics, "kozamori_cases_by_bank_total", bank=bank) for bank in ("0116", "0005", "none")]
    assert [1, 0, 1] == opened
    assert 0.5 == value(metrics, "kozamori_bank_alert_budget_per_day", bank="0116")


def test_promtool_finds_nothing_to_complain_about() -> None:
    checked = subprocess.run(
        [promtool(), "check", "metrics"], input=generate_latest(busy().registry), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_the_table_is_consistent() -> None:
    assert len(METRICS) == len({metric.name for metric in METRICS})
    for metric in METRICS:
        assert metric.help.endswith(".")
        assert metric.name.endswith("_total") == (metric.type == "counter")
        assert bool(metric.buckets) == (metric.type == "histogram")
        assert list(metric.buckets) == sorted(set(metric.buckets))


def test_events_are_counted_by_kind_service_and_result() -> None:
    metrics = Metrics("1")
    events = batch((LINK, 2, 1, 0), (LINK, 2, 1, 0), (DEBIT, 7, 0, 0), (UNLINK, 0, ABSENT, 0))
    stage = metrics.stage("account")
    stage.chunk(0, events, statuses(0, 1, 2, 3), seconds=0, watermark_ms=0)
    stage.chunk(1, events, statuses(0, 0, 0, 0), seconds=0, watermark_ms=0)
    for expected, kind, service, result in (
        (4, "link", "paypay", "wrong_credentials"),
        (2, "debit", "other", "ok"),
        (2, "unlink", "docomo_account", ""),
    ):
        labels = {"stage": "account", "kind": kind, "service": service, "result": result}
        assert expected == value(metrics, "kozamori_events_total", **labels)
    assert value(metrics, "kozamori_replayed_total", stage="account") == 1
    assert value(metrics, "kozamori_duplicates_total", stage="account") == 1


def test_an_event_is_late_when_more_than_a_minute_behind_the_newest_before_it_also_across_chunks() -> None:
    metrics = Metrics("1")
    stage = metrics.stage("account")
    times = (100_000, 40_000, 39_999, 200_000, 139_999)
    stage.chunk(0, batch(*((LINK, 0, 0, t) for t in times)), statuses(*[0] * 5), seconds=0, watermark_ms=200_000)
    assert value(metrics, "kozamori_late_events_total", stage="account") == 2
    stage.chunk(0, batch((LINK, 0, 0, 139_999)), statuses(0), seconds=0, watermark_ms=200_000)
    assert value(metrics, "kozamori_late_events_total", stage="account") == 3
    stage.chunk(1, batch((LINK, 0, 0, 139_999)), statuses(0), seconds=0, watermark_ms=139_999)
    assert value(metrics, "kozamori_late_events_total", stage="account") == 3


def test_a_transfer_counts_once_though_both_its_wallets_see_it() -> None:
    metrics = Metrics("1")
    stage = metrics.stage("wallet")
    both = batch(*((TRANSFER, 2, ABSENT, time_ms) for time_ms in (90_000, 90_000, 0, 0)))
    both.role[:] = (OWN, RECEIVING, OWN, RECEIVING)
    stage.chunk(0, both, statuses(2, 2, 3, 3), seconds=0, watermark_ms=90_000)
    only_received = both.select([1, 3])
    stage.chunk(1, only_received, statuses(0, 0), seconds=0, watermark_ms=90_000)
    labels = {"stage": "wallet", "kind": "transfer", "service": "paypay", "result": ""}
    assert value(metrics, "kozamori_events_total", **labels) == 2
    for name in ("replayed_total", "duplicates_total", "late_events_total"):
        assert value(metrics, f"kozamori_{name}", stage="wallet") == 1, name
    assert value(metrics, "kozamori_chunk_events_sum", stage="wallet") == 2
    assert value(metrics, "kozamori_chunk_events_count", stage="wallet") == 2
    assert value(metrics, "kozamori_watermark_timestamp_seconds", stage="wallet", partition="1") == 90


def test_an_alert_on_a_wallet_without_a_bank_has_a_bank_label_all_the_same() -> None:
    metrics = Metrics("1")
    metrics.alert(bank="", service="paypay", severity="low", detector="forest", update=0, yen_debited=0, yen_at_risk=0)
    assert value(metrics, "kozamori_alerts_by_bank_total", bank="none") == 1


def test_an_empty_chunk_is_a_chunk_without_events() -> None:
    metrics = Metrics("1")
    metrics.stage("account").chunk(0, batch(), statuses(), seconds=0.1, watermark_ms=0, alarm=np.array([]))
    assert value(metrics, "kozamori_chunk_events_count", stage="account") == 1
    assert value(metrics, "kozamori_chunk_events_sum", stage="account") == 0


def test_canaries_move_a_stage_and_are_no_events_of_its_input() -> None:
    metrics = Metrics("1")
    stage = metrics.stage("account")
    both = batch((LINK, 7, 1, 5), (LINK, 7, 1, 6))
    both.bank[:] = (int(canary.BANK), 116)
    alone = both.select([0])
    stage.chunk(0, both, statuses(0, 0), seconds=0.01, watermark_ms=6, alarm=np.array([1.0, 1.0]))
    stage.chunk(0, alone, statuses(0), seconds=0.01, watermark_ms=7, alarm=np.array([1.0]))
    counted = {"stage": "account", "kind": "link", "service": "other", "result": "wrong_credentials"}
    assert value(metrics, "kozamori_chunk_events_sum", stage="account") == 1
    assert value(metrics, "kozamori_events_total", **counted) == 1
    assert value(metrics, "kozamori_alarm_per_day_count", stage="account") == 1
    assert value(metrics, "kozamori_chunk_events_count", stage="account") == 2, "or a stage with canaries alone stands"
    assert value(metrics, "kozamori_watermark_timestamp_seconds", stage="account", partition="0") == 7 / 1000


def test_the_money_of_a_case_is_counted_with_its_first_alert_only() -> None:
    metrics = Metrics("1")
    for update, debited in ((0, 100_000), (1, 190_000), (2, 280_000)):
        metrics.alert(
            bank="0116",
            service="paypay",
            severity="high",
            detector="forest",
            update=update,
            yen_debited=debited,
            yen_at_risk=300_000 - debited,
        )
    assert value(metrics, "kozamori_alerts_total", severity="high", detector="forest") == 3
    assert value(metrics, "kozamori_cases_total", severity="high") == 1
    assert value(metrics, "kozamori_yen_debited_total") == 100_000
    assert value(metrics, "kozamori_yen_at_risk_total") == 200_000


@pytest.mark.parametrize(
    ("values", "bound", "expected"),
    [
        ([0.1], "0.1", 1),
        ([0.11], "0.1", 0),
        ([20.0, 20.5, np.inf, np.nan], "20.0", 1),
        ([20.0, 20.5, np.inf, np.nan], "50.0", 2),
        ([1e9], "100000.0", 0),
        ([1e9], "+Inf", 1),
    ],
)
def test_alarms_fall_into_the_bucket_that_holds_them(values: list[float], bound: str, expected: int) -> None:
    metrics = Metrics("1")
    stage = metrics.stage("account")
    events = batch(*((LINK, 0, 0, 0),) * len(values))
    stage.chunk(0, events, statuses(*[0] * len(values)), seconds=0, watermark_ms=0, alarm=np.array(values))
    assert expected == value(metrics, "kozamori_alarm_per_day_bucket", stage="account", le=bound)


def test_a_dropped_partition_leaves_no_series_and_may_come_back() -> None:
    metrics = busy()
    stage = metrics.stage("account")
    stage.lag(3, 5)
    stage.rows(3, 5, 50)
    stage.partition_dropped(3)
    stage.partition_dropped(3)
    assert value(metrics, "kozamori_lag_events", stage="account", partition="3") is None
    assert value(metrics, "kozamori_rows", stage="account", partition="3") is None
    assert value(metrics, "kozamori_lag_events", stage="account", partition="0") == 7
    stage.lag(3, 6)
    assert value(metrics, "kozamori_lag_events", stage="account", partition="3") == 6


def test_a_new_model_replaces_the_old_one() -> None:
    metrics = busy()
    metrics.model(version="m2", sha256="cd", budget_per_day=10, detectors=("forest", "drain"))
    assert value(metrics, "kozamori_model_info", version="m1", sha256="ab") is None
    assert value(metrics, "kozamori_model_info", version="m2", sha256="cd") == 1
    assert value(metrics, "kozamori_alerts_total", severity="low", detector="drain") == 0
