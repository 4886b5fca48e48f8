"""An alert is a function of the event, the log and the model, not of the time it is built."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from support.alone import no_facts
from support.models import STAGE, make_batch, make_model

from detector.contract.alerts import Alert, Position, decode_alert, encode_alert
from detector.contract.batch import Batch, origin_of
from detector.contract.services import FIRST_UNKNOWN
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import ABSENT, DEBIT, LINK, WALLET_EVENTS
from detector.core import triage
from detector.core.alerting import Explainer, position_of
from detector.core.budgets import BankBudgets
from detector.core.events import Events
from detector.core.memory import MemoryRun
from detector.core.model import Model
from detector.core.stage import (
    CASE_EVENTS,
    CASE_NEWS,
    CASE_OFFSET,
    CASE_ORIGIN,
    CASE_SEVERITY,
    CASE_UPDATE,
    CASE_URGENCY,
    FACTS,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    Chain,
)
from detector.core.topology import topology_of
from detector.core.triage import LEVELS

AT_MS = 1_598_936_706_000
ACCOUNT = "00112233445566778899aabbccddeeff"
RISKY = np.array([[np.nan, 60, 300_000, 5], [9, 60, np.nan, np.nan]], np.float32)
KIND = np.array([DEBIT, LINK], np.int8)
#: Of two events: a debit of 90,000 yen and a link; the debit's source record lies in partition 3 at 41.
COLUMNS: dict[str, Any] = {
    "kind": KIND,
    "occurred_at_ms": [AT_MS, AT_MS],
    "wallet_opened_at_ms": [AT_MS - 606_000] * 2,
    "bank": [116, 116],
    "amount_yen": [90_000, 0],
    "offset": [8, 8],
    "hop_index": [5, 6],
    "origin": [3, 3],
    "origin_offset": [41, 42],
}
#: An update of its case, the first.
OPENED: dict[int, int] = {
    CASE_ORIGIN: 3,
    CASE_OFFSET: 41,
    CASE_EVENTS: 1,
    CASE_SEVERITY: LEVELS.index("critical"),
    CASE_URGENCY: 750,
    CASE_NEWS: triage.OPENED,
    YEN_DEBITED: 190_000,
    YEN_LEFT: 110_000,
}
TOPICS = ("account-events", "wallet-events")


def strings_of(event_id: str = "e-1", account: str = ACCOUNT, wallet: str = "w-1", service: str = "") -> Strings:
    """The strings of two events that differ in nothing."""
    return Strings(*(Texts.of([text, text]) for text in (event_id, account, wallet, service)))


def facts_of(*changed: tuple[int, int]) -> np.ndarray:
    facts = no_facts(2)
    for fact, value in (OPENED | dict(changed)).items():
        facts[:, fact] = value
    return facts


def build(i: int, *changed: tuple[int, int], model: Model | None = None, strings: Strings | None = None) -> Alert:
    """The alert on event i, read from some hop; its position there does not matter."""
    return built(make_batch(2, **COLUMNS), i, *changed, model=model, strings=strings)


def built(
    batch: Batch, i: int, *changed: tuple[int, int], model: Model | None = None, strings: Strings | None = None
) -> Alert:
    events = Events(batch, RISKY, facts_of(*changed), strings_of() if strings is None else strings)
    (alert,) = Explainer(make_model() if model is None else model, STAGE, TOPICS).explain(events, np.array([i]))
    return alert


def test_identity_comes_from_the_source_record() -> None:
    alert = build(0)
    assert "account-account-events-3-41" == alert.alert_id
    assert Position("account-events", 3, 41) == alert.position


def test_a_case_is_named_after_its_first_alert_which_may_be_of_the_other_topic() -> None:
    news = triage.YEN | triage.LINKED
    numbered = build(
        0,
        *((CASE_ORIGIN, origin_of(WALLET_EVENTS, 1)), (CASE_OFFSET, 37), (CASE_UPDATE, 2), (CASE_EVENTS, 5)),
        *((CASE_URGENCY, 1000), (CASE_NEWS, news)),
        *((YEN_DEBITED, 250_000), (YEN_LEFT, 50_000), (YEN_PACE, 60_000)),
    )
    assert ("account-wallet-events-1-37", 2) == (numbered.case_id, numbered.update)
    assert (5, ["yen", "linked"], "critical") == (numbered.events, numbered.news, numbered.severity)
    assert (250_000, 50_000, 50, 1.0, 50_000) == money(numbered)
    first = build(0)
    assert ("account-account-events-3-41", 0, 1, ["opened"]) == (first.case_id, first.update, first.events, first.news)
    of_case = {name: getattr(first, name) for name in (*OF_CASE, "case_id", "update")}
    assert first == structs.replace(numbered, **of_case), "all else is of the event"


#: Facts of an update from the cases stage.
OF_CASE = ("events", "news", "severity", "yen_debited", "yen_at_risk", "seconds_to_cap", "urgency", "rank_yen")


def money(alert: Alert) -> tuple[int, int, int | None, float, int]:
    return alert.yen_debited, alert.yen_at_risk, alert.seconds_to_cap, alert.urgency, alert.rank_yen


def test_where_nothing_moves_nobody_knows_when_the_cap_is_reached() -> None:
    alert = build(1, (YEN_DEBITED, 0), (YEN_LEFT, 300_000), (CASE_URGENCY, 750))
    assert (0, 300_000, None, 0.75, 225_000) == money(alert)


@pytest.mark.parametrize("level", LEVELS)
def test_the_severity_is_that_of_the_case(level: str) -> None:
    assert level == build(0, (CASE_SEVERITY, LEVELS.index(level))).severity


@pytest.mark.parametrize(("topic", "partition"), [(0, 0), (0, 65_535), (1, 0), (1, 4_095)])
def test_an_origin_is_a_topic_and_a_partition(topic: int, partition: int) -> None:
    assert Position(TOPICS[topic], partition, 5) == position_of(origin_of(topic, partition), 5, TOPICS)


def test_a_wallets_event_has_no_account() -> None:
    of_wallet = {"origin": [origin_of(WALLET_EVENTS, 1)] * 2, "origin_offset": [7, 7], "bank": [ABSENT, ABSENT]}
    alert = built(make_batch(2, **COLUMNS | of_wallet), 0, strings=strings_of(account=""))
    assert ("account-wallet-events-1-7", "", "", "w-1") == (alert.alert_id, alert.bank, alert.account, alert.wallet)


def test_the_alert_has_the_fields_of_its_event() -> None:
    alert = build(0)
    assert ("e-1", "debit", AT_MS, 90_000) == (alert.event_id, alert.kind, alert.occurred_at_ms, alert.amount_yen)
    assert ("0116", ACCOUNT, "w-1") == (alert.bank, alert.account, alert.wallet)
    assert ("docomo_account", "ドコモコウザ") == (alert.service, alert.passbook_text)
    assert (190_000, 110_000) == (alert.yen_debited, alert.yen_at_risk)


def test_an_unknown_service_is_shown_by_its_name_and_strings_may_have_any_letters() -> None:
    batch = make_batch(2, **COLUMNS | {"service": [FIRST_UNKNOWN + 7] * 2})
    alert = built(batch, 1, strings=strings_of("取引-é", ACCOUNT, "財布", "new-pay"))
    assert ("new-pay", "取引-é", "財布") == (alert.service, alert.event_id, alert.wallet)
    assert alert == decode_alert(encode_alert(alert))


def test_a_link_has_no_amount() -> None:
    assert ("link", 0) == (build(1).kind, build(1).amount_yen)


def test_the_judgement_is_reported_in_false_alarms_a_day() -> None:
    model = make_model()
    judgement = model.judge(RISKY, KIND)
    alert = build(0)
    assert "forest" == alert.detector
    assert judgement.alarm[0] == alert.false_alarms_per_day
    assert 1 - judgement.p_value[0] == alert.score
    assert {"forest": judgement.scores[0, 0]} == alert.detector_scores
    assert (model.version, model.sha256) == (alert.model.version, alert.model.sha256)


def test_reasons_are_of_the_detector_whose_alarm_it_is() -> None:
    alert = build(0)
    assert {"wallet_age_s", "amount_yen", "gap_s"} >= {reason.feature for reason in alert.reasons}
    assert "amount_yen" in {reason.feature for reason in alert.reasons}
    shares = [reason.share for reason in alert.reasons]
    assert sorted(shares, reverse=True) == shares
    assert 0 < sum(shares) <= 1 + 1e-12


def test_built_again_it_is_the_same_message() -> None:
    assert encode_alert(build(1)) == encode_alert(build(1))
    assert build(1) == decode_alert(encode_alert(build(1)))


@pytest.mark.parametrize(("expected", "bank"), [(False, 1), (True, 116)])
def test_the_counterfactual_uses_the_limit_of_the_event_s_own_bank(expected: bool, bank: int) -> None:
    # So extreme an event alerts after any single change, but at bank 116 nothing would alert.
    model = replace(make_model(), banks=BankBudgets({"0116": 1.0}, {"0116": 1e-9}))
    alert = built(make_batch(2, **COLUMNS | {"bank": [bank, bank]}), 0, model=model)
    assert expected == (alert.counterfactual is not None)


def test_only_what_is_raised_is_explained_in_its_order_and_as_each_alone() -> None:
    events = Events(make_batch(2, **COLUMNS), RISKY, facts_of(), strings_of())
    explainer = Explainer(make_model(), STAGE, TOPICS)
    assert [build(1), build(0)] == list(explainer.explain(events, np.array([1, 0])))
    assert [] == list(explainer.explain(events, np.empty(0, np.int64)))


def test_features_of_nodes_beside_the_chain_are_not_judged() -> None:
    events = Events(make_batch(2, **COLUMNS), np.hstack([RISKY, RISKY]), facts_of(), strings_of())
    (alert,) = Explainer(make_model(), STAGE, TOPICS).explain(events, np.array([0]))
    assert build(0) == alert


def test_the_row_is_judged_again_to_what_the_judging_node_said() -> None:
    """Two events of one account and one of another through the topology: each raised update is explained once."""
    n = 3
    topology = topology_of(Chain((replace(STAGE, kernel=risky_kernel),)))
    model = replace(make_model(), budget=1e9)
    batch = make_batch(
        n,
        kind=np.full(n, DEBIT),
        offset=np.arange(n),
        origin_offset=np.arange(n),
        record=np.arange(n),
        account=[1, 1, 2],
        event_id=[1, 2, 3],
        bank=np.full(n, 116),
        occurred_at_ms=np.full(n, AT_MS),
    )
    strings = Strings(*(Texts.of([f"{name}-{i}" for i in range(n)]) for name in Strings._fields))
    played = MemoryRun(topology, model, ttl_ms=10**15).process(batch, strings)
    assert played.last.judgement is not None
    alerts = list(Explainer(model, topology.chain, TOPICS).explain(played.cases.events, played.cases.raised))
    assert ([0, 2], 1) == (played.cases.raised.tolist(), played.cases.held)
    assert ["event_id-0", "event_id-2"] == [alert.event_id for alert in alerts]
    assert [alert.alert_id for alert in alerts] == [alert.case_id for alert in alerts]
    for alert, i in zip(alerts, played.cases.raised, strict=True):
        assert played.last.judgement.alarm[i] == alert.false_alarms_per_day
        assert 1 - played.last.judgement.p_value[i] == alert.score


def risky_kernel(*arguments: Any) -> None:
    """Every event is as the risky debit."""
    _, _, _, _, start, stop, X, _ = arguments
    X[start:stop] = tuple(RISKY[0])


def test_every_fact_of_a_case_is_in_the_alert() -> None:
    """The cases stage writes no fact that an alert does not contain."""
    facts = {name: index for index, name in enumerate(FACTS) if name.startswith("case_")}
    base = build(0)
    changed = {"case_severity": LEVELS.index("low"), "case_news": triage.YEN, "case_origin": 4}
    for name, index in facts.items():
        assert base != build(0, (index, changed.get(name, 9))), name
