"""The attack of September 2020 on real topics, and a model with an ear so fine that there are many alerts."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
from kafka import KafkaProducer

from detector.artifact import write_model
from detector.contract.batch import Batch
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.stage import Chain
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.kafka.topics import create
from detector.settings import Settings
from models.datasets import collect
from models.training import Plan, train
from producers.batches import to_batches
from producers.publish import publish
from producers.scenarios import SCENARIOS, Scenario, sized
from producers.simulation import tables

SEED = 20200901
BUDGET = 500.0  # false alert groups a day: enough alerts to see that none is lost
BATCH = 8192
#: Dead letters among the events: broken JSON, an empty message, an unknown kind.
BROKEN = (b"{", b"", b'{"kind":"theft"}')


@dataclass(frozen=True)
class Scene:
    """Events and a model; `fresh` puts the events on topics of their own."""

    bootstrap: str
    events: tuple[pa.Table, ...]
    model: Model
    model_folder: Path
    partitions: int
    chain: Chain

    def fresh(self, name: str) -> Settings:
        """Settings of a new deployment whose input holds all events, broken ones among them."""
        settings = Settings(
            bootstrap=(self.bootstrap,),
            prefix=f"{name}-{secrets.token_hex(3)}.",
            deployment=f"{name}-{secrets.token_hex(3)}",
            partitions=self.partitions,
            model=self.model_folder,
            trim_hops_s=0,  # what was in a hop is looked at afterwards
        )
        create(settings, self.partitions, 1)
        self.fill(settings)
        return settings

    def fill(self, settings: Settings) -> None:
        """Publish all events, broken ones among them, to a deployment's input."""
        for table in self.events:
            self._publish_broken(settings)
            assert publish([table], client_options(settings), settings.prefix).complete

    def _publish_broken(self, settings: Settings) -> None:
        topics = [settings.account_events, settings.wallet_events]
        producer = KafkaProducer(bootstrap_servers=self.bootstrap)
        for topic in topics[: 1 + self.chain.reads_wallet_events]:
            for partition in range(self.partitions):
                for value in BROKEN:
                    producer.send(topic, value, key=b"0" * 16, partition=partition)
        producer.flush()
        producer.close()


def make_scene(
    bootstrap: str,
    folder: Path,
    *,
    events: int,
    partitions: int,
    chain: Chain = CHAINS[-1],
    budget: float = BUDGET,
    wallet_events: bool = True,
) -> Scene:
    """About `events` events of September 2020, and a model of `chain` trained on the August before."""
    wallet_events = wallet_events and chain.reads_wallet_events
    scenario = replace(SCENARIOS["ghost-wallets"], seed=SEED, wallet_events=wallet_events)
    scenario = sized(scenario, events)
    august = replace(SCENARIOS["normal"], seed=SEED, accounts=4_000, wallet_events=wallet_events)
    data = collect(_batches(august), chain, 400 * DAY_MS)
    draft = train(data, chain, Plan(budget=budget, seed=SEED), hashlib.sha256(b"simulated").hexdigest())
    model_folder = folder / "model"
    model = write_model(model_folder, draft)
    found = pa.concat_tables([table for table, _ in tables(scenario)])
    cut = found.num_rows // 3
    parts = (found.slice(0, cut), found.slice(cut, cut), found.slice(2 * cut))
    return Scene(bootstrap, parts, model, model_folder, partitions, chain)


def _batches(scenario: Scenario) -> Iterator[Batch]:
    first_row = 0
    for table, _ in tables(scenario):
        yield from to_batches(table, BATCH, first_row=first_row, which="all")
        first_row += table.num_rows
