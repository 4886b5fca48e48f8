"""Campaigns of a labelled log: when banks would have been told, before the first stolen yen or after; which are false.

The worker's own nodes play the log, without Kafka, so that seconds are of event time: from a campaign's first event to
the one with which the evidence suffices.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from detector.contract.batch import Batch
from detector.contract.bulletins import Bulletin
from detector.contract.vocabulary import LINK, OK, OPEN
from detector.core.admission import APPLY_FRESH
from detector.core.alerting import Topics
from detector.core.bulletins import bulletins
from detector.core.memory import MemoryRun
from detector.core.model import Model
from detector.core.pipeline import Outcome
from detector.core.stage import ESCALATED
from detector.core.stages.campaign_patterns import LINKED, OPENED, PATTERNS, SHOP
from detector.core.stages.campaigns import CAMPAIGNS, keys_of
from detector.core.stages.campaigns_kernel import YOUNG_MS
from detector.core.topology import topology_for
from detector.jst import DAY_MS
from models.backtest.labels import HONEST, Labels

#: A campaign is true if at least this share of its telling events up to its first bulletin is labelled: less, and
#: chance alerts of normal life told it.
TRUE_SHARE = 0.5
#: Patterns that wallets opened, or linked when new, tell; in others most such events are anybody's.
OF_NEW_WALLETS = frozenset(pattern.name for pattern in PATTERNS if pattern.counts in (OPENED, LINKED))


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as first told and as last; `fraud`: labelled share of what told it, up to `first`."""

    first: Bulletin
    last: Bulletin
    fraud: float

    @property
    def true(self) -> bool:
        """Whether fraud told it."""
        return self.fraud >= TRUE_SHARE

    @property
    def seconds(self) -> float:
        """From its first event until it was told."""
        return (self.first.occurred_at_ms - self.first.began_at_ms) / 1000

    @property
    def since_first_yen_s(self) -> float | None:
        """From its first stolen yen until it was told, negative where it was told before; None if none was taken."""
        at_ms = self.last.first_yen_at_ms
        return None if at_ms is None else (self.first.occurred_at_ms - at_ms) / 1000

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "campaign_id": self.first.campaign_id,
            "told_at_ms": self.first.occurred_at_ms,
            "indicator": self.first.indicator.kind,
            "patterns": self.first.patterns,
            "typologies": self.first.typologies,
            "seconds": self.seconds,
            "since_first_yen_s": self.since_first_yen_s,
            "yen_taken": self.first.yen_taken,
            "yen_taken_at_last": self.last.yen_taken,
            "banks": self.last.banks,
            "fraud": self.fraud,
            "true": self.true,
        }


@dataclass(slots=True)
class Told:
    """The campaigns of a log that lasted `days`, in the order in which they were told."""

    campaigns: list[Campaign] = field(default_factory=list)
    days: float = 0.0

    @property
    def false_a_month(self) -> float:
        """False campaigns in thirty days."""
        return 30 * sum(not one.true for one in self.campaigns) / self.days if self.days else 0.0

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        found = [one.figures() for one in self.campaigns]
        return {"days": self.days, "false_a_month": self.false_a_month, "campaigns": found}


def campaigns_of(
    batches: Iterable[Batch],
    model: Model,
    labels: Labels,
    *,
    ttl_ms: int,
    topics: Topics,
    warm_up: Iterable[Batch] = (),
    advance: Callable[[int], object] = lambda _: None,
) -> Told:
    """Play `batches` of one log, offsets ascending, after `warm_up`, the log before; see `Told`.

    A campaign that was told during the warm-up is not among them. `advance` gets each batch's size.
    """
    run = MemoryRun(topology_for(model), model, ttl_ms=ttl_ms)
    for batch in warm_up:
        run.process(batch)
        advance(batch.size)
    telling: dict[int, list[_Telling]] = defaultdict(list)
    told, first, keys, times = Told(), dict[str, Bulletin](), dict[str, int](), list[int]()
    last: dict[str, Bulletin] = {}
    for batch in batches:
        outcome = run.process(batch).outcomes[CAMPAIGNS.name]
        _note(outcome, labels, telling)
        key = keys_of(outcome.events.batch)
        for bulletin, _, i in bulletins(outcome, topics, banks=()):
            last[bulletin.campaign_id] = bulletin
            if bulletin.state == "begun":
                first[bulletin.campaign_id] = bulletin
                keys[bulletin.campaign_id] = int(key[i])
        if batch.size:
            times += [int(batch.occurred_at_ms.min()), int(batch.occurred_at_ms.max())]
        advance(batch.size)
    for name, bulletin in first.items():
        begins_ms, ends_ms = bulletin.began_at_ms, bulletin.occurred_at_ms
        of_new = not OF_NEW_WALLETS.isdisjoint(bulletin.patterns)
        of_key = [one for one in telling[keys[name]] if begins_ms <= one.at_ms <= ends_ms]
        seen = [one.fraud for one in of_key if of_new or not one.new_wallet]
        told.campaigns.append(Campaign(bulletin, last[name], sum(seen) / len(seen) if seen else 0.0))
    told.days = (max(times) - min(times)) / DAY_MS if times else 0.0
    return told


class _Telling(NamedTuple):
    """An event that may tell a campaign; of a `new_wallet` opened or linked, only one of such wallets."""

    at_ms: int
    fraud: bool
    new_wallet: bool


def _note(outcome: Outcome, labels: Labels, telling: dict[int, list[_Telling]]) -> None:
    """Note when events of each key alerted, failed, opened or linked a new wallet, or paid at a shop."""
    batch = outcome.events.batch
    young = batch.occurred_at_ms - batch.wallet_opened_at_ms < YOUNG_MS
    new_wallet = (batch.kind == OPEN) | ((batch.kind == LINK) & (batch.result == OK) & young)
    always = (outcome.events.facts[:, ESCALATED] != 0) | (batch.result > OK) | (batch.role == SHOP)
    which = np.flatnonzero((outcome.status <= APPLY_FRESH) & (always | new_wallet))
    fraud = labels.case_of(batch.event_id[which]) != HONEST
    columns = (batch.occurred_at_ms[which], fraud, ~always[which])
    rows = map(_Telling._make, zip(*(column.tolist() for column in columns), strict=True))
    for key, one in zip(keys_of(batch)[which].tolist(), rows, strict=True):
        telling[key].append(one)
