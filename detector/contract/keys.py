"""Kafka keys, shared by all producers: an account's hash, or a wallet with its service."""

from collections.abc import Iterable


def wallet_key(service: str, wallet: str) -> str:
    """The Kafka key of a wallet's events, and the text hashed for the wallet: an id is unique only at its service.

    "" if there is no wallet. Service names have no "/", so two wallets never share a key.
    """
    return f"{service}/{wallet}" if wallet else ""


def wallet_keys(services: Iterable[str], wallets: Iterable[str]) -> list[str]:
    """`wallet_key` of each pair."""
    return [f"{service}/{wallet}" if wallet else "" for service, wallet in zip(services, wallets, strict=True)]


def subject_key(account: str, service: str, wallet: str) -> str:
    """The Kafka key of an alert: the account, or the wallet if the event has no account."""
    return account or wallet_key(service, wallet)
