"""Valid events as plain dicts, for everyone's tests: `link(auth="otp")` changes a field, `link(auth=None)` drops it."""

import json
from typing import Any

BANK = "0116"
ACCOUNT = "9f86d081884c7d65"
WALLET = "w-000001"
START_MS = 1_598_886_300_000  # 1 September 2020, 00:05 in Japan


def event(kind: str, /, **changes: Any) -> dict[str, Any]:
    """What all kinds have in common; a change to None drops the field."""
    fields = {
        "event_id": "e-000001",
        "kind": kind,
        "occurred_at_ms": START_MS,
        "service": "docomo_account",
        "wallet": WALLET,
        "wallet_opened_at_ms": START_MS - 600_000,
        "wallet_verified": False,
        "source": "5feceb66ffc86f38",
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def link(**changes: Any) -> dict[str, Any]:
    """A successful link by PIN."""
    return event("link", **({"bank": BANK, "account": ACCOUNT, "auth": "pin4", "result": "ok"} | changes))


def unlink(**changes: Any) -> dict[str, Any]:
    """The account is taken off the wallet."""
    return event("unlink", **({"bank": BANK, "account": ACCOUNT} | changes))


def debit(**changes: Any) -> dict[str, Any]:
    """A successful charge of 10,000 yen."""
    own = {"bank": BANK, "account": ACCOUNT, "result": "ok", "amount_yen": 10_000, "purpose": "charge"}
    return event("debit", **(own | changes))


def open_wallet(**changes: Any) -> dict[str, Any]:
    """A wallet is opened (`open` is a builtin)."""
    return event("open", **changes)


def payment(**changes: Any) -> dict[str, Any]:
    """2,000 yen spent at a convenience store."""
    return event("payment", **({"amount_yen": 2_000, "shop": "s-0001", "shop_category": "convenience"} | changes))


def transfer(**changes: Any) -> dict[str, Any]:
    """5,000 yen sent to another wallet."""
    return event("transfer", **({"amount_yen": 5_000, "counterparty": "w-000002"} | changes))


def payout(**changes: Any) -> dict[str, Any]:
    """20,000 yen paid out to a bank."""
    return event("payout", **({"amount_yen": 20_000} | changes))


def message(fields: dict[str, Any]) -> bytes:
    """The message of an event's fields."""
    return json.dumps(fields, separators=(",", ":")).encode()


def key(fields: dict[str, Any]) -> bytes:
    """The Kafka key of an event's fields."""
    return str(fields.get("account") or f"{fields['service']}/{fields['wallet']}").encode()
