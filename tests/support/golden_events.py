"""Writes `tests/golden/events.jsonl`: made-up events of a few accounts, wallets and sources, none of the simulator's.

Only `random()` is drawn, the one generator whose numbers Python promises to keep. What counts is the file: another
script, or another seed, would be other events, and all digests would have to be recorded anew.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from support.golden import EVENTS

T = TypeVar("T")
N = 420
BEGINS_MS = 1_597_849_200_000  # 2020-08-20 00:00 JST
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
#: Until the next event, most often a minute or so: drains and guesses. Days make the months turn.
SHORT_PAUSES = (SECOND, 5 * SECOND, *(20 * SECOND, MINUTE) * 4, 3 * MINUTE, 10 * MINUTE)
PAUSES = (*SHORT_PAUSES, HOUR, 6 * HOUR, DAY, 4 * DAY)
KINDS = (*("link",) * 7, *("debit",) * 10, *("payment", "transfer") * 3, *("payout", "open") * 2, "unlink")
LINK_RESULTS = ("ok", "ok", "ok", "wrong_credentials", "wrong_credentials", "locked")
DEBIT_RESULTS = ("ok",) * 7 + ("insufficient", "over_cap", "refused")
AUTHS, PURPOSES = ("pin4", "pin4", "otp", "ekyc"), ("charge", "charge", "payment")
SERVICES = ("docomo_account", "docomo_account", "paypay", "other")
BANKS = ("0001", "0116", "9900")
YEN = (1, 1_000, 1_080, 3_000, 3_000, 9_999, 30_000, 45_000, 48_900, 49_999, 50_000, 99_999, 100_000, 2_000_000)
ALIKE = (3_000, 3_000, 3_000, 3_000, 3_300)  # of an account that charges itself
SOURCES = ("", "s1", "s1", "s2", "s3", "s4")
SHOPS, CATEGORIES = ("", "shop1", "shop2", "shop3"), ("", "convenience", "electronics", "tobacco")
#: Just less than a day, just more than ten minutes: what looks back a little less or more does not see the same.
EDGES = (23 * HOUR + 40 * MINUTE, 11 * MINUTE, 11 * MINUTE)
#: The last of the accounts is met at the beginning and the end only, and has expired between.
ACCOUNTS, WALLETS = 6, 7


@dataclass
class Writer:
    """Draws events, one after another in the order of their arrival."""

    draw: Random = field(default_factory=lambda: Random(20200901))
    now_ms: int = BEGINS_MS
    events: list[dict[str, Any]] = field(default_factory=list)

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of them."""
        return choices[int(self.draw.random() * len(choices))]

    def write(self) -> list[dict[str, Any]]:
        """All events."""
        while len(self.events) < N:
            pause = 1 + int(2 * self.draw.random() * self.one_of(PAUSES))
            self.now_ms += pause if self.draw.random() > 0.25 else self.one_of(EDGES)
            again = self.draw.random()
            if again < 0.04 and len(self.events) > 10:
                self.events.append(self.events[-1 - int(again * 100)])  # delivered twice, the last or one of four
            else:
                self.events.append(self.event())
        return self.events

    def event(self) -> dict[str, Any]:
        """A new event."""
        kind, middle = self.one_of(KINDS), 20 < len(self.events) < N - 60
        late_ms = int(self.draw.random() * 2 * DAY) if self.draw.random() < 0.05 else 0
        wallet = int(self.draw.random() * WALLETS)
        young_ms = self.now_ms - int(self.draw.random() * DAY)
        event: dict[str, Any] = {
            "kind": kind,
            "event_id": f"e{len(self.events)}",
            "occurred_at_ms": self.now_ms - late_ms,
            "service": self.one_of(SERVICES),
            "wallet": f"wallet{wallet}",
            "wallet_opened_at_ms": young_ms if wallet > WALLETS - 3 else BEGINS_MS - 40 * DAY * wallet,
            "wallet_verified": wallet % 3 == 0,
            "source": self.one_of(SOURCES),
        }
        if kind in {"link", "debit", "unlink"}:
            account = min(int(self.draw.random() ** 2 * ACCOUNTS), ACCOUNTS - 2 if middle else ACCOUNTS - 1)
            event["bank"] = BANKS[account % len(BANKS)]
            event["account"] = hashlib.sha256(b"account %d" % account).hexdigest()[:32]
            return event | self.of_account(kind, account)
        return event | self.of_wallet(kind, wallet)

    def of_account(self, kind: str, account: int) -> dict[str, Any]:
        """The fields of its kind."""
        if kind == "link":
            return {"auth": self.one_of(AUTHS), "result": self.one_of(LINK_RESULTS)}
        if kind == "unlink":
            return {}
        amount = {"amount_yen": self.one_of(ALIKE if account == 1 else YEN)}
        return amount | {"result": self.one_of(DEBIT_RESULTS), "purpose": self.one_of(PURPOSES)}

    def of_wallet(self, kind: str, wallet: int) -> dict[str, Any]:
        """The fields of its kind."""
        if kind == "open":
            return {}
        amount = {"amount_yen": self.one_of(YEN)}
        if kind == "payment":
            return amount | {"shop": self.one_of(SHOPS), "shop_category": self.one_of(CATEGORIES)}
        if kind == "transfer":
            return amount | {"counterparty": f"wallet{(wallet + 1 + int(2 * self.draw.random())) % WALLETS}"}
        return amount


def lines() -> str:
    """The file."""
    return "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in Writer().write())


if __name__ == "__main__":
    EVENTS.write_text(lines())
