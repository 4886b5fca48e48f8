"""Who takes part in `kozamori bench stream`. Light to import: the command's help shows the names."""

from dataclasses import dataclass

UNLIMITED = 10**9


@dataclass(frozen=True, slots=True)
class Contestant:
    """`durable`: its state outlives it; `at_most`: events it gets at most, so that a round stays short."""

    name: str
    durable: bool
    at_most: int
    what: str


CONTESTANTS = (
    Contestant("consume", durable=False, at_most=UNLIMITED, what="confluent-kafka, decode to columns, nothing else"),
    Contestant(
        "bare", durable=False, at_most=UNLIMITED, what="confluent-kafka, features, forest, alerts; keeps nothing"
    ),
    Contestant(
        "worker", durable=True, at_most=UNLIMITED, what="kozamori worker, accounts alone, until all is committed"
    ),
    Contestant(
        "worker_wallets", durable=True, at_most=UNLIMITED, what="kozamori worker, accounts and wallets, likewise"
    ),
    Contestant(
        "worker_sources", durable=True, at_most=UNLIMITED, what="kozamori worker, accounts, wallets and sources"
    ),
    Contestant(
        "faust_batched", durable=True, at_most=30_000, what="plain Faust, table, take, one score_samples a batch"
    ),
    Contestant("faust_per_event", durable=True, at_most=600, what="plain Faust, table, one score_samples an event"),
)
NAMES = tuple(contestant.name for contestant in CONTESTANTS)
