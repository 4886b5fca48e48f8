"""The table of what depends on what, measured: a field is altered or a kind taken away, and the features compared."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from support.populations import scenario

from detector.contract.batch import Batch, concatenate
from detector.contract.vocabulary import DEBIT, KINDS, LINK, PAYMENT, PAYOUT, TRANSFER
from detector.core.chains import SOURCE_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from producers import simulation
from producers.batches import to_batches
from producers.mapping.dependence import CONSTANTS, FIELDS, PRECISIONS, TIMES, Need, left_out
from producers.mapping.dependence import KINDS as OF_KINDS

Seen = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
NAMES = SOURCE_CHAIN.feature_names


def as_seen(batch: Batch) -> Seen:
    """Offsets and features of links and debits."""
    last = MemoryRun(topology_of(SOURCE_CHAIN), None, ttl_ms=400 * 86_400_000).process(batch).last
    which = np.isin(last.events.batch.kind, (LINK, DEBIT)) & (last.status <= 1)
    return last.events.batch.offset[which], last.events.X[which]


@pytest.fixture(scope="module")
def history() -> Batch:
    tables = [events for events, _ in simulation.tables(scenario("september-2020", cases=30, days=12))]
    return concatenate(list(to_batches(pa.concat_tables(tables).unify_dictionaries(), 10**9, which="all")))


@pytest.fixture(scope="module")
def known(history: Batch) -> Seen:
    return as_seen(history)


def _fresh(batch: Batch, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """One id for each event: an event that comes twice has the same both times, or it would be two."""
    events, index = np.unique(batch.event_id, return_inverse=True)
    ids = np.random.default_rng(1).integers(1, 2**63, len(events)).astype(np.uint64)
    return np.where(where, ids[index], 0).astype(np.uint64)


def _turned(codes: npt.NDArray[np.int8], last: int) -> npt.NDArray[np.int8]:
    return np.where(codes >= 0, last - codes, codes).astype(np.int8)


ALTERED: dict[str, Callable[[Batch], Batch]] = {
    "wallet_opened_at_ms": lambda b: b._replace(wallet_opened_at_ms=b.wallet_opened_at_ms - 3 * 86_400_000),
    "wallet_verified": lambda b: b._replace(wallet_verified=(1 - b.wallet_verified).astype(np.int8)),
    "source": lambda b: b._replace(source=np.zeros_like(b.source)),
    "auth": lambda b: b._replace(auth=_turned(b.auth, 2)),
    "purpose": lambda b: b._replace(purpose=_turned(b.purpose, 1)),
    "counterparty": lambda b: b._replace(counterparty=_fresh(b, b.kind == TRANSFER)),
    "wallet": lambda b: b._replace(wallet=_fresh(b, np.ones(b.size, np.bool_))),
    # One for each event: what is delivered again is the same event by its account too.
    "account": lambda b: b._replace(account=np.where(b.account != 0, b.event_id, np.uint64(0))),
}


def test_every_field_with_a_policy_has_its_row() -> None:
    assert set(ALTERED) == {need.missing for need in FIELDS}


@pytest.mark.parametrize("need", FIELDS, ids=lambda need: need.missing)
def test_a_field_changes_the_features_of_its_row_and_no_other(need: Need, history: Batch, known: Seen) -> None:
    _, X = as_seen(ALTERED[need.missing](history))
    same = (X == known[1]) | (np.isnan(X) & np.isnan(known[1]))
    changed = {name for name, equal in zip(NAMES, same.all(axis=0), strict=True) if not equal}
    assert set(need.features) == changed


@pytest.mark.parametrize("need", OF_KINDS, ids=lambda need: need.missing)
def test_without_a_kind_the_features_of_its_row_are_the_same_for_all(need: Need, history: Batch, known: Seen) -> None:
    gone = [PAYMENT, TRANSFER, PAYOUT] if need.missing == "spending" else [KINDS.index(need.missing)]
    offset, X = as_seen(history.select(np.flatnonzero(~np.isin(history.kind, gone))))
    before = known[1][np.searchsorted(known[0], offset)]
    constant = {name for name, said in zip(NAMES, _says(X), strict=True) if not said}
    never = {name for name, said in zip(NAMES, _says(before), strict=True) if not said}
    listed = set(need.features)
    assert listed <= constant
    if need.missing != "spending":  # there the rows of its kinds apply too
        assert constant - never <= listed


CONSTANT: dict[str, Callable[[Batch], Batch]] = {
    "purpose": lambda b: b._replace(purpose=np.minimum(b.purpose, 0)),
    "wallet_verified": lambda b: b._replace(wallet_verified=np.zeros_like(b.wallet_verified)),
    "auth": lambda b: b._replace(auth=np.where(b.auth >= 0, 1, b.auth).astype(np.int8)),
    "service": lambda b: b._replace(service=np.full_like(b.service, 7)),
    "source": lambda b: b._replace(source=np.full_like(b.source, 7)),
    "result": lambda b: b._replace(result=np.minimum(b.result, 0)),
}


@pytest.mark.parametrize("need", CONSTANTS, ids=lambda need: need.missing)
def test_with_a_constant_field_the_features_of_its_row_are_the_same_for_all(
    need: Need, history: Batch, known: Seen
) -> None:
    X = as_seen(CONSTANT[need.missing](history))[1]
    constant = {name for name, said in zip(NAMES, _says(X), strict=True) if not said}
    never = {name for name, said in zip(NAMES, _says(known[1]), strict=True) if not said}
    if need.missing == "source":  # one source counts all that happens, which is no wonder either
        assert all("source" in name for name in need.features)
        return
    assert constant - never <= set(need.features) <= constant


def _says(X: npt.NDArray[np.float32]) -> list[bool]:
    """Which columns differ from event to event."""
    return [len(np.unique(column[~np.isnan(column)])) > 1 for column in X.T]


def test_all_names_are_of_features() -> None:
    assert {name for need in (*FIELDS, *CONSTANTS, *OF_KINDS, *TIMES) for name in need.features} <= set(NAMES)


def test_coarser_times_leave_out_no_less() -> None:
    steps = [set(need.features) for need in TIMES]
    assert list(PRECISIONS[1:]) == [need.missing for need in TIMES]
    assert steps[0] < steps[1] < steps[2]
    assert all(name.endswith(("_1m", "_1m_3")) for name in steps[0])


def test_nothing_missing_leaves_out_nothing() -> None:
    assert {} == left_out((), KINDS, "second")
