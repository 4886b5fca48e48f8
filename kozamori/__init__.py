"""Kozamori for programs: alerts as they come, events and keyed hashes for producers, scores of a frame of events.

What is named here stays; everything else of the project may change between releases. Importing loads nothing but what
is used. The page with examples: README.md beside this file.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from detector.contract.alerts import Alert, Counterfactual, Reason, decode_alert
    from detector.contract.events import Debit, Link, Open, Payment, Payout, Transfer, Unlink
    from detector.contract.keyed_hash import KeyedHash, keyed_hash_from
    from detector.errors import KafkaAwayError, KozamoriError, UserError
    from detector.subscriber import AlertSubscriber
    from kozamori.connecting import connection_from
    from kozamori.following import AsyncAlertSubscriber
    from kozamori.scores import score

__all__ = [
    "Alert",
    "AlertSubscriber",
    "AsyncAlertSubscriber",
    "Counterfactual",
    "Debit",
    "KafkaAwayError",
    "KeyedHash",
    "KozamoriError",
    "Link",
    "Open",
    "Payment",
    "Payout",
    "Reason",
    "Transfer",
    "Unlink",
    "UserError",
    "connection_from",
    "decode_alert",
    "keyed_hash_from",
    "score",
]
#: Where each name lives.
_HOMES = {
    "detector.contract.alerts": ("Alert", "Counterfactual", "Reason", "decode_alert"),
    "detector.contract.events": ("Debit", "Link", "Open", "Payment", "Payout", "Transfer", "Unlink"),
    "detector.contract.keyed_hash": ("KeyedHash", "keyed_hash_from"),
    "detector.errors": ("KafkaAwayError", "KozamoriError", "UserError"),
    "detector.subscriber": ("AlertSubscriber",),
    "kozamori.connecting": ("connection_from",),
    "kozamori.following": ("AsyncAlertSubscriber",),
    "kozamori.scores": ("score",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'kozamori' has no attribute {name!r}")
    try:
        home = import_module(_HOME_OF[name])
    except ModuleNotFoundError as error:
        raise ImportError(
            f"kozamori.{name} needs {error.name}, which is not installed here: pip install 'kozamori[train]'"
        ) from error
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
