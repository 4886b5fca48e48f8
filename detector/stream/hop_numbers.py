"""What hop messages that number their content mean by the numbers: features, columns and facts of the release before.

It wrote no other messages. Never changed; deleted once no such message can lie in a hop any more.
"""

#: Of each stage the version of its features, and their names in order.
FEATURES: dict[str, tuple[int, str]] = {
    "account": (
        2,
        (
            "wallet_age_s wallet_unverified wallet_new wallets services account_known_s "
            "attempts_2d failures_2d failures_before link_failed link_by_pin night "
            "month_days_left own_source_new own_sources_2d since_link_s link_unseen gap_s "
            "dormant_s debits_1m yen_1m debits_10m yen_10m debits_1h yen_1h debits_24h yen_24h "
            "month_debits month_yen cap_share cap_left_yen yen_per_hour amount_yen amount_z "
            "amount_ratio repeats round_amount hour_habit debit_refused is_charge"
        ),
    ),
    "wallet": (
        1,
        (
            "holder_age_s holder_unverified holder_fresh_s linked_accounts linked_accounts_2 "
            "linked_accounts_3 accounts_ever accounts_2d account_new relinks holder_attempts_2d "
            "holder_failures_2d holder_failures_before tried_accounts_2d since_any_link_s "
            "since_first_link_s holder_debits_1m_3 holder_debits_10m holder_yen_10m "
            "holder_debits_1h holder_yen_1h holder_debits_24h holder_yen_24h holder_yen_24h_100k "
            "holder_debits_decayed holder_yen_decayed holder_yen_decayed_90k holder_yen_per_hour "
            "holder_cap_share since_charge_s spent_24h_yen spent_share_24h near_limit_24h "
            "shop_new category_new fan_out_24h fan_in_24h received_24h_yen payouts_24h "
            "payouts_24h_yen holder_events_2h"
        ),
    ),
    "source": (
        1,
        (
            "source_accounts_2d source_accounts_3 source_accounts_30d source_wallets_2d "
            "source_wallets_3 source_opened_2d source_attempts_2d source_failures_2d "
            "source_failure_share source_young_yen_2d source_known_days source_accounts_unusual "
            "source_attempts_unusual source_failures_unusual source_young_unusual"
        ),
    ),
}
#: Columns and numpy types.
COLUMNS: dict[str, str] = {
    "offset": "<i8",
    "record": "<i4",
    "kind": "|i1",
    "occurred_at_ms": "<i8",
    "event_id": "<u8",
    "service": "<u2",
    "wallet": "<u8",
    "wallet_opened_at_ms": "<i8",
    "wallet_verified": "|i1",
    "source": "<u8",
    "bank": "<i2",
    "account": "<u8",
    "auth": "|i1",
    "result": "|i1",
    "amount_yen": "<i8",
    "purpose": "|i1",
    "shop": "<u8",
    "shop_category": "<u8",
    "counterparty": "<u8",
    "hop_index": "<i4",
    "role": "|i1",
    "origin": "<i4",
    "origin_offset": "<i8",
}
FACTS: tuple[str, ...] = (
    "yen_debited",
    "yen_left",
    "yen_pace",
    "judged_by",
    "escalated",
    "alarm_millionths",
    "detector",
    "of_limit",
    "received_ms",
)
CHAINS: tuple[tuple[str, ...], ...] = (("account",), ("account", "wallet"), ("account", "wallet", "source"))
