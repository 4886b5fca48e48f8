"""Logs of what campaigns are made of, and the campaigns stage fed with them as its node is."""

from collections.abc import Collection
from typing import Any

import numpy as np
from support.alone import NEVER_MS, Alone
from support.models import make_batch

from detector.contract.bulletins import Bulletin
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import BANKS, DEBIT, INSUFFICIENT, LINK, OK, OPEN, PAYMENT, WRONG_CREDENTIALS
from detector.core.bulletins import bulletins
from detector.core.events import Events
from detector.core.rows import PackedRows
from detector.core.stage import ESCALATED, FACTS, YEN_DEBITED, YEN_LEFT
from detector.core.stages.campaigns import CAMPAIGNS, by_key

T = 1_598_886_300_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
TOPICS = ("account-events", "wallet-events")
CAP = 300_000
#: One event of a log; what a field is where nothing is said.
USUAL = {
    "kind": LINK,
    "at": T,
    "source": 1,
    "bank": 116,
    "service": 0,
    "wallet": 7,
    "account": 0,
    "result": OK,
    "yen": 0,
    "age": HOUR_MS,
    "alert": False,
    "shop": 0,
}


def log(*events: dict[str, Any], first: int = 0) -> Events:
    """Events as they come out of the hop of the campaigns, offsets counted from `first`."""
    rows = [USUAL | event for event in events]
    n = len(rows)
    columns = {name: np.array([row[name] for row in rows], np.int64) for name in USUAL}
    offset = np.arange(first, first + n)
    batch = make_batch(
        n,
        offset=offset,
        origin_offset=offset + 100,
        record=np.arange(n),
        event_id=offset + 1,
        kind=columns["kind"],
        occurred_at_ms=columns["at"],
        source=columns["source"],
        shop=columns["shop"],
        bank=columns["bank"],
        service=columns["service"],
        wallet=columns["wallet"],
        account=columns["account"],
        result=columns["result"],
        amount_yen=columns["yen"],
        wallet_opened_at_ms=columns["at"] - columns["age"],
    )
    facts = np.zeros((n, len(FACTS)), np.int64)
    facts[:, ESCALATED] = columns["alert"]
    facts[:, YEN_DEBITED] = columns["yen"]
    facts[:, YEN_LEFT] = np.where(columns["kind"] == LINK, CAP, CAP - columns["yen"])
    accounts = Texts.of([f"{account:016x}" for account in columns["account"].tolist()])
    strings = Strings(Texts.empty(n), accounts, Texts.empty(n), Texts.empty(n))
    return Events(batch, np.empty((n, 0), np.float32), facts, strings)


class Machine:
    """The campaigns stage, fed as its node is."""

    def __init__(
        self, rows: PackedRows | None = None, watermark_ms: int = 0, banks: Collection[str] = frozenset(BANKS)
    ) -> None:
        self.banks = banks
        self.alone = Alone(CAMPAIGNS, ttl_ms=NEVER_MS, rows=rows, watermark_ms=watermark_ms)

    def tell(self, events: Events) -> list[tuple[str, Bulletin]]:
        """Bulletins with the bank that each is for, "" for all."""
        keyed = by_key(events)
        outcome = self.alone.process(keyed.batch, keyed.facts)
        strings = outcome.events._replace(strings=keyed.strings)
        return [(one.bank, one.bulletin) for one in bulletins(outcome._replace(events=strings), TOPICS, self.banks)]


def told(events: Events, indicator: str = "source") -> list[Bulletin]:
    """Bulletins for all of one kind of key."""
    return [one for bank, one in Machine().tell(events) if not bank and one.indicator.kind == indicator]


def failures(accounts: int, **changes: Any) -> list[dict[str, Any]]:
    """A failed link of each account, a minute apart."""
    begins = changes.pop("at", T)
    row = {"result": WRONG_CREDENTIALS, **changes}
    return [row | {"account": number + 1, "at": begins + number * MINUTE_MS} for number in range(accounts)]


def drained(accounts: int, **changes: Any) -> list[dict[str, Any]]:
    """Each account is linked, with an alert, and a minute later debited by 100,000 yen."""
    rows = []
    for number in range(accounts):
        own = {"account": number + 1, "wallet": 50 + number, "alert": True, "bank": 116 + number % 2, **changes}
        at = changes.get("at", T) + number * HOUR_MS
        rows.append(own | {"at": at})
        rows.append(own | {"kind": DEBIT, "at": at + MINUTE_MS, "yen": 100_000})
    return rows


def payments(wallets: int, shop: int = 3, **changes: Any) -> list[dict[str, Any]]:
    """Each wallet pays 40,000 yen, ten minutes apart."""
    row = {"kind": PAYMENT, "shop": shop, "bank": -1, "yen": 40_000, **changes}
    return [row | {"wallet": 50 + number, "at": T + number * 10 * MINUTE_MS} for number in range(wallets)]


def random_log(seed: int, n: int = 600) -> Events:
    rng = np.random.default_rng(seed)
    kinds = np.array([LINK, LINK, DEBIT, OPEN])[rng.integers(0, 4, n)]
    rows = [
        {
            "kind": int(kind),
            "at": T + int(number * 40 * MINUTE_MS - (rng.random() < 0.05) * HOUR_MS * 30),
            "source": int(rng.integers(0, 4)),
            "bank": -1 if kind == OPEN else int(rng.integers(100, 112)),
            "account": 0 if kind == OPEN else int(rng.integers(1, 200)),
            "wallet": int(rng.integers(1, 90)),
            "result": int(rng.choice([OK, OK, INSUFFICIENT if kind == DEBIT else WRONG_CREDENTIALS])),
            "yen": int(rng.integers(1, 100_000)) if kind == DEBIT else 0,
            "alert": bool(kind != OPEN and rng.random() < 0.3),
        }
        for number, kind in enumerate(kinds)
    ]
    return log(*rows)
