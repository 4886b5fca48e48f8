"""One account, wallet or address with a flood of events: every case is told, and the others need not wait for it."""

import time
from typing import Any

import pytest
from support.chains import model_of
from support.events import START_MS, debit, key, message
from support.hops import record
from support.nodes import Nodes, in_chunks
from support.source_logs import TOPICS

from detector.contract.alerts import Alert
from detector.core.chains import CHAINS
from detector.core.explanation import EXPLAINED_UPDATES, MASS
from detector.core.topology import topology_for
from detector.stream.processor import Wiring

CHAIN = CHAINS[-1]
EVENTS, CHUNK = 5_000, 1_000
#: Of CPU time, on a machine that does 10,000; where each alert is explained in full it does 900.
LEAST_PER_S = 3_000


def flood(hot: str, events: int) -> list[Any]:
    """Debits, a hundred a second, of which each has the same account, wallet or source, and all else differs."""
    records = []
    for i in range(events):
        own = {"account": f"{i:016x}", "wallet": f"w-{i}", "source": f"{i:016x}"}
        del own[hot]
        fields = debit(event_id=f"e-{i}", occurred_at_ms=START_MS + 10 * i, amount_yen=1_000 * (1 + i % 7), **own)
        records.append(record(message(fields), i, key(fields), fields["occurred_at_ms"]))
    return records


def alerts_of(hot: str, events: int) -> tuple[list[Alert], float]:
    """The alerts of a flood through a worker's nodes, and the CPU seconds it took."""
    nodes = Nodes(Wiring(topology_for(model_of(CHAIN)), model_of(CHAIN), 1, TOPICS))
    records, began = flood(hot, events), time.process_time()
    steps = [step for chunk in in_chunks(records, CHUNK) for step in nodes.follow("account", 0, chunk)]
    return [alert for _, processed in steps for alert in processed.alerts], time.process_time() - began


@pytest.mark.parametrize("hot", ["account", "wallet", "source"])
def test_a_flood_of_one_key_is_taken_at_thousands_of_events_a_second(hot: str) -> None:
    alerts_of(hot, 200)  # compiles
    alerts, seconds = alerts_of(hot, EVENTS)
    print(f"{hot}: {EVENTS / seconds:,.0f} events and {len(alerts) / seconds:,.0f} alerts per CPU second")
    assert len(alerts) > EVENTS / 20
    assert LEAST_PER_S < EVENTS / seconds


@pytest.mark.parametrize(("hot", "feature", "least"), [("wallet", *MASS[0]), ("source", *MASS[1])])
def test_the_accounts_of_a_flood_are_all_told_with_the_flood_as_the_reason(
    hot: str, feature: str, least: float
) -> None:
    alerts, _ = alerts_of(hot, 200)
    assert len({alert.account for alert in alerts}) == len(alerts) == 200
    brief = [alert for alert in alerts if [reason.feature for reason in alert.reasons] == [feature]]
    assert brief == alerts[-len(brief) :]
    assert 200 - 60 <= len(brief) <= 200 - 40
    for alert in brief:
        assert (alert.counterfactual, alert.together_per_day) == (None, None)
        assert alert.reasons[0].share == 1.0
        assert (alert.reasons[0].value or 0) >= least
    assert all(len(alert.reasons) > 1 for alert in alerts[: -len(brief)])


def test_a_case_that_goes_on_and_on_has_reasons_in_its_first_updates() -> None:
    alerts, _ = alerts_of("account", 1_000)
    assert list(range(len(alerts))) == [alert.update for alert in alerts]
    assert len(alerts) > 2 * EXPLAINED_UPDATES
    assert [True] * EXPLAINED_UPDATES == [bool(alert.reasons) for alert in alerts[:EXPLAINED_UPDATES]]
    assert {()} == {tuple(alert.reasons) for alert in alerts[EXPLAINED_UPDATES:]}
    assert all(alert.news for alert in alerts)
