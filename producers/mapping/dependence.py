"""Which features say nothing when a field or a kind of event is missing, or when times are coarse.

The table was measured: a simulated history with the field altered, or the kind taken away, and the features compared
(`tests/unit/producers/test_mapping_dependence.py` repeats it). A field: every feature that any of its values can
change. A kind: the features that are the same for every event without it.
"""

from collections.abc import Collection
from dataclasses import dataclass

_OF_THE_LINK = ("link_by_pin", "since_link_s")
_SOURCE = (
    "source_accounts_30d",
    "source_wallets_2d",
    "source_opened_2d",
    "source_attempts_2d",
    "source_failure_share",
    "source_young_yen_2d",
    "source_known_days",
    "source_accounts_unusual",
    "source_attempts_unusual",
)
_OWN_SOURCES = ("own_source_new", "own_sources_2d")
_ACCOUNTS_OF_THE_WALLET = (
    "accounts_ever",
    "relinks",
    "tried_accounts_2d",
)
_MINUTES = (
    "debits_1m",
    "yen_1m",
    "yen_10m",
    "holder_debits_decayed",
    "holder_yen_decayed",
)


@dataclass(frozen=True, slots=True)
class Need:
    """What is missing, as it is named in a mapping, and the features that have no basis without it."""

    missing: str
    features: tuple[str, ...]


FIELDS = (
    Need(
        "wallet_opened_at_ms",
        (
            "wallet_age_s",
            "yen_per_hour",
            "source_young_yen_2d",
        ),
    ),
    Need("wallet_verified", ("wallet_unverified",)),
    Need("source", (*_SOURCE, *_OWN_SOURCES)),
    Need("auth", ("link_by_pin",)),
    Need("purpose", ("is_charge",)),
    Need("counterparty", ("holder_events_2h",)),
    Need(
        "wallet",
        (
            "wallets",
            *_OF_THE_LINK,
            "yen_per_hour",
            *_ACCOUNTS_OF_THE_WALLET,
            "accounts_2d",
            "holder_attempts_2d",
            "holder_failures_2d",
            "holder_failures_before",
            "since_any_link_s",
            "since_first_link_s",
            "holder_yen_24h",
            "holder_debits_decayed",
            "holder_yen_decayed",
            "holder_cap_share",
            "since_charge_s",
            "spent_share_24h",
            "holder_events_2h",
            "source_wallets_2d",
        ),
    ),
    Need(
        "account",
        (
            "wallets",
            "services",
            "account_known_s",
            *_OF_THE_LINK,
            "gap_s",
            "debits_1m",
            "yen_1m",
            "yen_10m",
            "yen_1h",
            "yen_24h",
            "month_yen",
            "yen_per_hour",
            "amount_z",
            "amount_ratio",
            "hour_habit",
            *_OWN_SOURCES,
            *_ACCOUNTS_OF_THE_WALLET,
            "source_accounts_30d",
            "source_accounts_unusual",
        ),
    ),
)
#: A field that is the same for all events: features that then are the same too. Left out, so that simulated attacks,
#: where it varies, are not recognised by it.
CONSTANTS = (
    Need("purpose", ("is_charge",)),
    Need("wallet_verified", ("wallet_unverified",)),
    Need("auth", ("link_by_pin",)),
    Need("service", ("services",)),
    Need("source", (*_SOURCE, *_OWN_SOURCES)),
    Need(
        "result",
        (
            "link_failed",
            "debit_refused",
            "holder_failures_2d",
            "holder_failures_before",
            "source_failure_share",
        ),
    ),
)
#: `spending`: none of payment, transfer and payout.
KINDS = (
    Need(
        "link",
        (
            "link_failed",
            *_OF_THE_LINK,
            "accounts_2d",
            "relinks",
            "holder_attempts_2d",
            "holder_failures_2d",
            "holder_failures_before",
            "tried_accounts_2d",
            "since_any_link_s",
            "since_first_link_s",
            "source_attempts_2d",
            "source_failure_share",
            "source_attempts_unusual",
        ),
    ),
    Need("unlink", ("relinks",)),
    Need("open", ("source_opened_2d",)),
    Need("spending", ("spent_share_24h",)),
)
#: Times known to the minute only, the hour, the day: what looks at less than twice that time.
PRECISIONS = ("second", "minute", "hour", "day")
TIMES = (
    Need("minute", ("debits_1m", "yen_1m")),
    Need("hour", (*_MINUTES, "yen_1h", "holder_events_2h")),
    Need(
        "day",
        (
            *_MINUTES,
            "yen_1h",
            "yen_24h",
            "yen_per_hour",
            "night",
            "hour_habit",
            "holder_yen_24h",
            "holder_events_2h",
            "spent_share_24h",
        ),
    ),
)


def left_out(
    missing: Collection[str], kinds: Collection[str], precision: str, constant: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """By what is missing, the features that are left out: of `missing` fields, of kinds of event that are not among
    `kinds`, of times no finer than `precision`, of fields that are `constant`.
    """
    found = {f"field `{need.missing}`": need.features for need in FIELDS if need.missing in missing}
    found |= {f"other `{need.missing}`": need.features for need in CONSTANTS if need.missing in constant}
    there = {*kinds, *(["spending"] if {"payment", "transfer", "payout"} & set(kinds) else [])}
    found |= {f"{need.missing} events": need.features for need in KINDS if need.missing not in there}
    return found | {
        f"times finer than the {need.missing}": need.features for need in TIMES if need.missing == precision
    }
