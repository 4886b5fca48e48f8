"""From simulated events to tables with the contract's fields, and to the labels of the cases in them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.vocabulary import AUTHS, KINDS, OPEN, PAYMENT, PURPOSES, RESULTS, SERVICES, TRANSFER
from producers.cases import STAGES, case_id, of_cases, typology_id, typology_indices
from producers.events import Events
from producers.shops import CATEGORIES, category_codes
from producers.texts import Texts, hexadecimal

WORD = pa.dictionary(pa.int8(), pa.string())
ID = pa.dictionary(pa.int32(), pa.string())
#: Columns of an events file: the contract's fields, null where a kind does not have one.
SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string()),
        pa.field("kind", WORD),
        pa.field("occurred_at_ms", pa.int64()),
        pa.field("service", WORD),
        pa.field("wallet", ID),
        pa.field("wallet_opened_at_ms", pa.int64()),
        pa.field("wallet_verified", pa.bool_()),
        pa.field("source", ID),
        pa.field("bank", ID),
        pa.field("account", ID),
        pa.field("auth", WORD),
        pa.field("result", WORD),
        pa.field("amount_yen", pa.int64()),
        pa.field("purpose", WORD),
        pa.field("shop", ID),
        pa.field("shop_category", WORD),
        pa.field("counterparty", pa.string()),
    ]
)
LABELS = pa.schema([(name, pa.string()) for name in ("event_id", "case_id", "typology", "stage")])


def to_table(events: Events, texts: Texts) -> pa.Table:
    """A table of `SCHEMA` with one row for each event, in order."""
    on_wallet = events.kind >= OPEN
    columns: dict[str, Any] = {
        "event_id": hexadecimal(events.event),
        "kind": _words(events.kind, KINDS),
        "occurred_at_ms": events.occurred_at_ms,
        "service": _words(events.service, SERVICES),
        "wallet": _ids(events.wallet, texts.wallets),
        "wallet_opened_at_ms": events.opened_at_ms,
        "wallet_verified": events.verified,
        "source": _ids(events.source, texts.sources),
        "bank": _ids(events.account >> np.uint64(40), _bank_codes, absent=on_wallet),
        "account": _ids(events.account, texts.accounts, absent=on_wallet),
        "auth": _words(events.auth, AUTHS),
        "result": _words(events.result, RESULTS),
        "amount_yen": pa.array(events.amount_yen, mask=events.amount_yen == 0),
        "purpose": _words(events.purpose, PURPOSES),
        "shop": _ids(events.shop, texts.shops, absent=events.kind != PAYMENT),
        "shop_category": _words(category_codes(events.shop), CATEGORIES),
        "counterparty": _counterparties(events, texts),
    }
    return pa.table(columns, schema=SCHEMA)


def labels_of(events: Events) -> pa.Table:
    """A table of `LABELS`: the events of cases and campaigns, in order."""
    bad = of_cases(events)
    distinct, index = np.unique(bad.case, return_inverse=True)
    names = pa.array([case_id(case) for case in distinct.tolist()], pa.string())
    typologies = pa.array([typology_id(at) for at in typology_indices(distinct).tolist()], pa.string())
    columns = [
        hexadecimal(bad.event),
        names.take(pa.array(index)),
        typologies.take(pa.array(index)),
        pa.array(STAGES, pa.string()).take(pa.array(bad.stage)),
    ]
    return pa.Table.from_arrays(columns, schema=LABELS)


def _counterparties(events: Events, texts: Texts) -> pa.Array:
    # Plain strings, as most receivers are paid once; index -1 means null.
    sent = events.kind == TRANSFER
    names = texts.wallets(events.counterparty[sent])
    return names.take(pa.array(np.cumsum(sent) - 1, mask=~sent))


def _words(codes: npt.NDArray[Any], words: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8), mask=codes < 0), pa.array(words))


def _ids(
    numbers: npt.NDArray[np.uint64],
    name: Callable[[npt.NDArray[np.uint64]], pa.Array],
    absent: npt.NDArray[np.bool_] | None = None,
) -> pa.Array:
    """Texts of `numbers`, each distinct number named once; null where `absent`."""
    distinct, index = np.unique(numbers, return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=absent), name(distinct))


def _bank_codes(numbers: npt.NDArray[np.uint64]) -> pa.Array:
    return pa.array([f"{number:04}" for number in numbers.tolist()], pa.string())
