"""The campaigns stage: what many accounts share, a source, a bank × service, a service or a shop, becomes one campaign.

All keys lie in one partition: what comes here is a small part of all events, and campaigns are told in one order.
"""

import numpy as np
import numpy.typing as npt

from detector.contract import canary
from detector.contract.batch import OWN, Batch
from detector.contract.hashing import P1, P2
from detector.contract.vocabulary import ABSENT, DEBIT, LINK, OK, OPEN, PAYMENT
from detector.core.admission import APPLY_FRESH
from detector.core.events import Events
from detector.core.stage import ESCALATED, OF_LIMIT, WHOLE, Stage
from detector.core.stages.campaign_patterns import KEYS, SERVICE, SHOP, SOURCE
from detector.core.stages.campaigns_kernel import YOUNG_MS, campaigns_kernel
from detector.core.stages.campaigns_row import ROW


def telling(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What campaigns are made of: link attempts, wallets opened, what young wallets take and pay, whatever alerts."""
    batch = events.batch
    young = batch.occurred_at_ms - batch.wallet_opened_at_ms < YOUNG_MS
    taken = (batch.kind == DEBIT) & (batch.result == OK) & young
    wanted = (batch.kind == LINK) | (batch.kind == OPEN) | taken | _alert(events)
    wanted |= (batch.kind == PAYMENT) & young & (batch.shop != 0)
    wanted &= (batch.role == OWN) & (batch.bank != int(canary.BANK))
    return np.flatnonzero(wanted & (status <= APPLY_FRESH))


def by_key(events: Events) -> Events:
    """Each event once for every key that it has, which is its `role`; the keys of one event are different rows."""
    batch, alerts = events.batch, _alert(events)
    at_bank = (batch.bank != ABSENT) & ((batch.kind == LINK) | alerts)
    pays = (batch.kind == PAYMENT) & (batch.shop != 0)
    has = np.stack([(batch.source != 0) & ~pays, at_bank, at_bank & alerts, at_bank & alerts, pays], axis=1)
    which, role = np.nonzero(has)
    keyed = events.select(which)
    keyed.batch.role[:] = np.array(list(KEYS), np.int8)[role]
    keyed.facts[:, ESCALATED] = alerts[which]
    return keyed


def _alert(events: Events) -> npt.NDArray[np.bool_]:
    """Which events alert within the limit: what a budget controller lets through beyond it is known behind it alone."""
    alert: npt.NDArray[np.bool_] = (events.facts[:, ESCALATED] != 0) & (events.facts[:, OF_LIMIT] <= WHOLE)
    return alert


def keys_of(batch: Batch) -> npt.NDArray[np.uint64]:
    """The key of each event's row; 0 for events not yet keyed, which go into one partition in one order."""
    role, service = batch.role, batch.service.astype(np.uint64)
    bank = (batch.bank.astype(np.int64) + 1).astype(np.uint64) << np.uint64(16) | service
    own = np.select([role == SOURCE, role == SERVICE, role == SHOP], [batch.source, service, batch.shop], bank)
    keys: npt.NDArray[np.uint64] = np.where(role > 1, (own ^ (role.astype(np.uint64) * P1)) * P2, np.uint64(0))
    return keys


READS = frozenset(
    {
        "account",
        "amount_yen",
        "bank",
        "kind",
        "occurred_at_ms",
        "origin",
        "origin_offset",
        "result",
        "role",
        "service",
        "shop",
        "source",
        "wallet",
        "wallet_opened_at_ms",
    }
)

CAMPAIGNS = Stage("campaigns", keys_of, ROW, 1, campaigns_kernel, (), READS, snapshots=True, one_partition=True)
