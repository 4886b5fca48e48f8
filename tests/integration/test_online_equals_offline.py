"""A worker and `kozamori score` say the same of the same log, to the last bit.

The model's budget is so large that every scored event alerts and passes through the last hop with its features.
`KOZAMORI_EQUALITY_EVENTS` sets the number of events (15,000 by default).

A file has one order. So have the logs that two stages saw in several partitions (see `support.hop_order`). A third
stage takes what comes out of the second's partitions as these happen to be worked through, which may contradict the
order of the first: only with one partition each is there one order for all three.
"""

import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from support.hop_order import differing_bits, hopped, log_order, sources
from support.replays import read_all
from support.shared_kafka import Cluster
from support.workers import Progress, WorkerProcess, wait_until

from detector.artifact import write_model
from detector.cli.scoring import score
from detector.contract.alerts import Alert, decode_alert
from detector.contract.batch import OWN
from detector.core.chains import CHAINS, WALLET_CHAIN
from detector.core.events import Events
from detector.core.model import Model
from detector.core.stage import ALARM_MILLIONTHS, DETECTOR, JUDGED_BY, Chain
from detector.core.topology import topology_of
from detector.core.triage import MILLION
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.kafka.topics import create
from detector.settings import Settings
from detector.stream.hop_layout import Layout
from detector.stream.processor import Wiring
from models.datasets import collect
from models.training import Plan, train
from producers.batches import to_batches
from producers.publish import publish
from producers.scenarios import SCENARIOS, sized
from producers.simulation import tables

EVENTS = int(os.environ.get("KOZAMORI_EQUALITY_EVENTS", "15000"))
#: Chains, and the partitions of their topics.
SETUPS = ((WALLET_CHAIN, 4), (CHAINS[-1], 1))
SEED = 11
EVERYTHING = 1e9  # false alarms a day: more than there are events, so that whatever is scored alerts
PATIENCE_S = 120 + EVENTS / 500  # an alert for each event costs a hundred times the usual
pytestmark = pytest.mark.timeout(300 + EVENTS / 100)


@pytest.mark.parametrize(("chain", "partitions"), SETUPS, ids=lambda value: getattr(value, "name", str(value)))
def test_no_bit_of_features_scores_and_alarms_differs(
    kafka: Cluster, tmp_path: Path, chain: Chain, partitions: int
) -> None:
    model, topology = trained(chain, tmp_path / "model"), topology_of(chain)
    settings = run_worker(kafka, tmp_path, partitions)
    wiring = Wiring(topology, model, partitions, (settings.account_events, settings.wallet_events))
    log = sources(settings, topology)
    order = log_order(settings, wiring, log)
    row = np.argsort(order)  # of each source record in the file
    offline = scored([log.values[number] for number in order.tolist()], model, tmp_path)
    compared = Compared(offline, model)
    for node in topology.nodes:
        for partition in range(partitions) if node.source is None else ():
            for events in hopped(settings, wiring, node, partition):
                rows = row[log.numbers_of(events)]
                compared.take(events, rows, wiring.codecs[node.name].layout)
                if node.raises:
                    compared.take_judged(events, rows)
    alerts = [decode_alert(one.value) for found in read_all(settings, settings.alerts).values() for one in found]
    compared.take_alerts(alerts, row[[log.number_of(alert.position) for alert in alerts]])
    print(f"{chain.name}, {len(order):,} events: {compared}")
    assert np.flatnonzero(offline.scored).tolist() == sorted(compared.alerted)
    assert compared.features > EVENTS
    assert compared.scores > EVENTS
    assert compared.raised > EVENTS / 10
    assert 0 == compared.differing_bits


@dataclass
class Compared:
    """How many numbers were compared, how many bits of them differ, and the rows of the file that the worker scored."""

    offline: "Offline" = field(repr=False)
    model: Model = field(repr=False)
    features: int = 0
    scores: int = 0
    raised: int = 0
    differing_bits: int = 0
    alerted: list[int] = field(default_factory=list, repr=False)

    def take(self, events: Events, rows: npt.NDArray[np.int64], layout: Layout) -> None:
        """Events of a node's hop, which are those of `rows` of the file: the features that it carries."""
        scored = np.isin(events.batch.kind, layout.kinds)
        kept = np.flatnonzero(self.offline.applied[rows] & (events.batch.role == OWN) & scored)
        which = list(layout.features)
        X = self.offline.X[rows[kept]][:, which]
        self.features += X.size
        self.differing_bits += differing_bits(X, np.ascontiguousarray(events.X[kept][:, which]))

    def take_judged(self, events: Events, rows: npt.NDArray[np.int64]) -> None:
        """Behind the judging node: its verdict in the facts, and the judgement of its features repeated."""
        facts, names = events.facts, [detector.name for detector in self.model.detectors]
        alarm = np.ceil(np.minimum(self.offline.scores[rows, 0], MILLION**2) * MILLION).astype(np.int64)
        assert alarm.tolist() == facts[:, ALARM_MILLIONTHS].tolist()
        assert self.offline.detector[rows].tolist() == [names[index] for index in facts[:, DETECTOR].tolist()]
        assert {self.model.number} == set(facts[:, JUDGED_BY].tolist())
        again = self.model.judge(events.X, events.batch.kind, events.batch.bank)
        found = np.column_stack([again.alarm, 1.0 - again.p_value, again.scores])
        self.scores += found.size
        self.differing_bits += differing_bits(self.offline.scores[rows], found)
        self.alerted += rows.tolist()

    def take_alerts(self, alerts: list[Alert], rows: npt.NDArray[np.int64]) -> None:
        """Alerts on the bus, which are of `rows` of the file."""
        self.raised += len(alerts)
        self.differing_bits += differing_bits(self.offline.scores[rows], said(alerts, self.model))
        assert self.offline.detector[rows].tolist() == [alert.detector for alert in alerts]


def trained(chain: Chain, folder: Path) -> Model:
    """A model of an ordinary August that alerts on everything it scores."""
    august = replace(SCENARIOS["normal"], seed=SEED, accounts=2_000, days=12)
    batches = (batch for table, *_ in tables(august) for batch in to_batches(table, 8192, which="all"))
    data = collect(batches, chain, 400 * DAY_MS)
    return write_model(folder, train(data, chain, Plan(budget=EVERYTHING, seed=SEED), "0" * 64))


def run_worker(kafka: Cluster, tmp_path: Path, partitions: int) -> Settings:
    """A deployment whose worker has taken all events of a scenario with all typologies."""
    settings = Settings(
        bootstrap=(kafka.bootstrap,),
        prefix=f"equal-{secrets.token_hex(3)}.",
        deployment=f"equal-{secrets.token_hex(3)}",
        partitions=partitions,
        model=tmp_path / "model",
        trim_hops_s=0,  # what was in a hop is looked at afterwards
    )
    create(settings, partitions, 1)
    events = [table for table, *_ in tables(sized(replace(SCENARIOS["random"], seed=SEED), EVENTS))]
    assert publish(events, client_options(settings), settings.prefix).complete
    worker, progress = WorkerProcess(settings, tmp_path / "worker.log"), Progress(settings)
    try:
        wait_until(progress.finished, "all events are committed", worker, patience_s=PATIENCE_S)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    return settings


class Offline:
    """What `kozamori score` wrote, a row for each event of the file.

    `scores` float64 (n, 2 + detectors): alarm, score and each detector's; NaN where not scored.
    """

    def __init__(self, table: pa.Table, model: Model) -> None:
        columns = ("alarm", "score", *(f"score_{detector.name}" for detector in model.detectors))
        self.X = np.stack([table[name].to_numpy() for name in model.feature_names], axis=1)
        self.scores = np.stack([table[name].to_numpy() for name in columns], axis=1)
        self.applied = table["status"].to_pandas().to_numpy() == "applied"
        self.scored = table["alarm"].is_valid().to_numpy()
        self.detector = table["detector"].to_pandas().to_numpy()


def scored(lines: list[bytes], model: Model, tmp_path: Path) -> Offline:
    """The scores of these messages, in this order, by the command."""
    events, scores = tmp_path / "events.jsonl", tmp_path / "scores.parquet"
    events.write_bytes(b"\n".join(lines) + b"\n")
    options = [str(events), "--model", str(tmp_path / "model"), "-o", str(scores), "--features"]
    result = CliRunner().invoke(score, options, catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    offline = Offline(pq.read_table(scores), model)
    assert len(lines) == len(offline.X)
    return offline


def said(alerts: list[Alert], model: Model) -> npt.NDArray[np.float64]:
    """The same columns as alerts have them."""
    names = [detector.name for detector in model.detectors]
    nothing = float("nan")
    return np.array(
        [(a.false_alarms_per_day, a.score, *(a.detector_scores.get(name, nothing) for name in names)) for a in alerts]
    )
