"""A model that watches links: what training sets for it, and that score, back-test and worker say the same."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from support.chains import TOPICS, Nodes, model_of, source_records
from support.chains import TTL_MS as LONG_MS
from support.histories import TTL_MS, history, model
from support.models import FIRST_DAY, STAGE, make_draft

from detector.artifact import pack, unpack
from detector.contract.alerts import decode_alert
from detector.contract.batch import Batch
from detector.contract.codec import decode_account_events
from detector.contract.vocabulary import DEBIT, KINDS, LINK
from detector.core.chains import ACCOUNT_CHAIN, WALLET_CHAIN
from detector.core.policy import Model
from detector.core.stage import Chain
from detector.core.watch_list import NAME, WatchList
from detector.stream.flow import flow_of
from detector.stream.processor import ALERTS, Wiring
from models.backtest.labels import Labels
from models.backtest.played import Played, play
from models.backtest.scorers import of_model
from models.datasets import NORMAL, Dataset, collect
from models.scoring import Scoring
from models.watch import fit_watch

NO_LABELS = Labels(np.empty(0, np.uint64), np.empty(0, np.int32), (), ())


def watching(whole: Model, budget: float) -> Model:
    """The same model, watching every link that does not alert."""
    detectors = tuple(replace(each, spec=replace(each.spec, share=0.9 * each.spec.share)) for each in whole.detectors)  # type: ignore[type-var]
    return replace(whole, detectors=detectors, budget=budget, watch=WatchList(0.1, np.empty(0), 1e6))


WATCHES = watching(model(), 5.0)


def slow_life() -> Batch:
    """The history at a fifth of its pace, three wallets an account: some are charged days after their link."""
    whole = history()
    own = 1_000 + 3 * whole.account + whole.wallet % np.uint64(3)
    at_ms = whole.occurred_at_ms[0] + 5 * (whole.occurred_at_ms - whole.occurred_at_ms[0])
    return whole._replace(wallet=np.where(whole.account != 0, own, whole.wallet), occurred_at_ms=at_ms)


def played(which: Model, size: int) -> Played:
    whole = slow_life()
    batches = [whole.select(slice(start, start + size)) for start in range(0, whole.size, size)]
    return play(batches, which, WALLET_CHAIN, NO_LABELS, ttl_ms=TTL_MS)


def scores(which: Model, chain: Chain, batch: Batch, ttl_ms: int) -> pa.Table:
    columns = {"kind": [KINDS[kind] for kind in batch.kind.tolist()], "occurred_at_ms": batch.occurred_at_ms}
    ids = {name: [str(i) for i in getattr(batch, name).tolist()] for name in ("event_id", "account", "wallet")}
    return Scoring(which, chain, ttl_ms=ttl_ms, topics=TOPICS).score(pa.table(columns | ids), [batch])


def test_the_backtest_alerts_where_score_does() -> None:
    found, table = played(WATCHES, 500), scores(WATCHES, WALLET_CHAIN, slow_life(), TTL_MS)
    woken = table.filter(pa.array([name == NAME for name in table["detector"].to_pylist()]))
    once = np.isfinite(found.watch_alarm)
    assert [str(i) for i in found.event_id[once].tolist()] == woken["event_id"].to_pylist()
    assert found.watch_alarm[once].tolist() == woken["alarm"].to_pylist()
    assert {True} == set(woken["alert"].to_pylist())
    assert len(woken) > 10
    since_s = found.X[once, WALLET_CHAIN.feature_names.index("since_link_s")]
    assert (since_s >= 12 * 3_600).all()


def test_without_a_watch_list_nothing_wakes() -> None:
    assert not np.isfinite(played(model(), 500).watch_alarm).any()
    assert NAME not in set(scores(model(), WALLET_CHAIN, slow_life(), TTL_MS)["detector"].to_pylist())


def test_batches_do_not_matter() -> None:
    one, other = played(WATCHES, 10_000), played(WATCHES, 61)
    assert one.watch_alarm.tobytes() == other.watch_alarm.tobytes()


def test_the_whole_models_alarm_has_the_watch_lists_in_it() -> None:
    found = played(WATCHES, 500)
    (whole, *_), _ = of_model(WATCHES, found, WATCHES.budget)
    once = np.isfinite(found.watch_alarm)
    assert found.watch_alarm[once].tolist() == whole.alarm[once].tolist()


def test_a_worker_raises_what_score_says_it_would() -> None:
    watches = watching(model_of(ACCOUNT_CHAIN), 20.0)
    log = {place: records if place == (0, 0) else [] for place, records in source_records(6_000, 1).items()}
    nodes = Nodes(Wiring(flow_of(ACCOUNT_CHAIN), watches, 1, TOPICS))
    nodes.run(log, 100)
    records = log[0, 0]
    values, keys = [record.value for record in records], [record.key for record in records]
    batch = decode_account_events(values, keys, np.arange(len(records))).batch
    table = scores(watches, ACCOUNT_CHAIN, batch, LONG_MS)
    raised = [i for i, update in enumerate(table["update"].to_pylist()) if update is not None]
    expected = [tuple(table[name][i].as_py() for name in ("detector", "alarm", "case_id", "update")) for i in raised]
    alerts = [decode_alert(output.value) for output in nodes.outputs if output.topic == ALERTS]
    assert expected == [(each.detector, each.false_alarms_per_day, each.case_id, each.update) for each in alerts]
    assert raised == [each.position.offset for each in alerts]
    woken = [each for each in alerts if each.detector == NAME]
    assert len(woken) > 3
    assert {("T6", "watched_link_days")} == {(each.typologies[0], each.reasons[0].feature) for each in woken}


def test_shares_make_room_for_the_watch_list_and_the_model_folder_keeps_it() -> None:
    draft, whole = make_draft(watch_share=0.25), make_draft()
    found = unpack(pack(draft), STAGE)
    assert found.watch is not None
    assert draft.watch is not None
    assert (0.25, draft.watch.days, []) == (found.watch.share, found.watch.days, found.watch.alarms.tolist())
    assert [pytest.approx(0.75 * each.spec.share) for each in whole.detectors] == [
        each.spec.share for each in found.detectors
    ]
    assert unpack(pack(whole), STAGE).watch is None


def test_a_smaller_share_of_the_budget_alerts_on_less() -> None:
    data = collect([history()], WALLET_CHAIN, TTL_MS)
    alarms = [
        unpack(pack(make_draft(watch_share=share)), STAGE).judge(X, kind).alarm
        for share in (0.0, 0.5)
        for X, kind in ((data.X[:300, :4], data.kind[:300]),)
    ]
    np.testing.assert_allclose(2 * alarms[0], alarms[1])


def dataset(*events: tuple[int, int, int, float]) -> tuple[Dataset, np.ndarray]:
    """Events of (kind, account, second of the link or 0, alarm), all on one day."""
    kind, account, linked_s, alarm = (np.array(column) for column in zip(*events, strict=True))
    data = Dataset(
        np.zeros((len(events), 1), np.float32),
        kind.astype(np.int8),
        account.astype(np.uint64),
        np.full(len(events), FIRST_DAY),
        np.zeros(len(events), np.int16),
        np.full(len(events), NORMAL, np.int8),
        linked_s.astype(np.int64),
    )
    return data, alarm.astype(np.float64)


def test_watching_costs_the_late_first_charges_of_suspicious_links() -> None:
    data, alarm = dataset(
        (LINK, 1, 100, 40.0),  # charged late
        (LINK, 2, 100, 30.0),  # never
        (LINK, 3, 100, 25.0),  # charged late
        (LINK, 4, 100, 10.0),  # charged late, but alerts anyway
        (LINK, 5, 100, 50.0),  # its charge alerts anyway
        (DEBIT, 1, 100, 900.0),
        (DEBIT, 3, 100, 900.0),
        (DEBIT, 4, 100, 900.0),
        (DEBIT, 5, 100, 3.0),
        (DEBIT, 2, 0, 900.0),
    )
    watch = fit_watch(data, alarm, 7, share=0.5, budget=20.0)
    assert ([25.0, 40.0], 7.0, 0.5) == (watch.alarms.tolist(), watch.days, watch.share)


def test_late_charges_of_links_before_the_days_are_made_up_for() -> None:
    data, alarm = dataset((LINK, 1, 100, 40.0), (DEBIT, 1, 100, 900.0), *[(DEBIT, who, 7, 900.0) for who in (2, 3, 4)])
    assert 2.5 == fit_watch(data, alarm, 10, share=0.5, budget=20.0).days
