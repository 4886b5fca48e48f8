"""What records are keyed by: an account's hash, or a wallet at its service. All who write to the bus agree on it."""

from collections.abc import Iterable


def wallet_key(service: str, wallet: str) -> str:
    """The Kafka key of a wallet's events, and the text whose hash stands for the wallet: its id is one at its service.

    "" where there is no wallet. No service has "/" in its name, so two wallets never share a key.
    """
    return f"{service}/{wallet}" if wallet else ""


def wallet_keys(services: Iterable[str], wallets: Iterable[str]) -> list[str]:
    """`wallet_key` of each pair."""
    return [f"{service}/{wallet}" if wallet else "" for service, wallet in zip(services, wallets, strict=True)]


def subject_key(account: str, service: str, wallet: str) -> str:
    """Whom an alert is about, as its Kafka key: the account, or the wallet of an event without one."""
    return account or wallet_key(service, wallet)
