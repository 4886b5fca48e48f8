"""The table of detectors: the parts of a model, and the share of the alert budget of each."""

from collections.abc import Collection
from dataclasses import replace

from detector.core.detectors import DetectorSpec

_DEBIT, _BOTH = ("debit",), ("link", "debit")
HOUR_S, DAY_S = 3_600, 86_400

#: Shares by form: .6, .2, .2. Measured in foreign worlds (`kozamori ablation --only worlds`): with less for what learnt
#: from attacks, alerts come later where thieves are like the simulated ones; with less for the others, fewer cases of
#: thieves told by what is usual for the account alone are found at all.
DETECTORS = (
    DetectorSpec(
        "attack_trained",
        "boosting",
        share=0.6,
        kinds=_BOTH,
        typologies=(),
        meaning="boosted trees that tell the first events of simulated attacks from normal life",
    ),
    DetectorSpec(
        "first_big_charge",
        "joint_tail",
        share=0.08,
        kinds=_DEBIT,
        typologies=("T1", "T3", "T5", "T8", "T9", "T13"),
        meaning="a large sum for a fresh wallet of nobody known, linked by PIN",
        features=(
            ("wallet_age_s", HOUR_S),
            ("wallet_unverified", None),
            ("link_by_pin", None),
            ("holder_yen_decayed", 90_000),
        ),
    ),
    DetectorSpec(
        "drain",
        "joint_tail",
        share=0.03,
        kinds=_DEBIT,
        typologies=("T1", "T2", "T9", "T11", "T12"),
        meaning="debit upon debit, faster than people shop",
        features=(("debits_1m", 3), ("yen_10m", None), ("wallet_unverified", None), ("link_by_pin", None)),
    ),
    DetectorSpec(
        "foreign_account",
        "joint_tail",
        share=0.02,
        kinds=_DEBIT,
        typologies=("T3", "T4", "T7"),
        meaning="a second account on a wallet, linked just now, and charged",
        features=(
            ("accounts_ever", 2),
            ("since_any_link_s", HOUR_S),
            ("holder_yen_24h", 100_000),
            ("link_by_pin", None),
        ),
    ),
    DetectorSpec(
        "multi_service",
        "joint_tail",
        share=0.02,
        kinds=_DEBIT,
        typologies=("T10",),
        meaning="one account debited by several services and wallets",
        features=(("services", 3), ("wallets", 3), ("yen_24h", 100_000), ("link_by_pin", None)),
    ),
    DetectorSpec(
        "strange_debit",
        "joint_tail",
        share=0.03,
        kinds=_DEBIT,
        typologies=("T8", "T9", "T11", "T12"),
        meaning="sums unusual for the account, after an address that is new to it",
        features=(("own_sources_2d", 1), ("amount_ratio", None), ("gap_s", None), ("yen_24h", None)),
    ),
    DetectorSpec(
        "guessing",
        "joint_tail",
        share=0.02,
        kinds=_BOTH,
        typologies=("T3", "T4"),
        meaning="a wallet that tries accounts and PINs",
        features=(("holder_attempts_2d", None), ("holder_failures_2d", None), ("tried_accounts_2d", None)),
    ),
    DetectorSpec(
        "forest",
        "isolation_forest",
        share=0.2,
        kinds=_BOTH,
        typologies=(),
        meaning="isolation forest over the tail surprises of all features: what nobody named",
    ),
)


def chosen(
    forms: Collection[str],
    features: Collection[str],
    kinds: Collection[str],
    table: tuple[DetectorSpec, ...] = DETECTORS,
) -> tuple[DetectorSpec, ...]:
    """The rows of these forms that can be trained on these features and kinds of event; their shares sum to 1.

    The share of an untrainable row goes to the others of its form, and that of a form without rows to all others.
    """
    rows = [
        replace(row, kinds=tuple(kind for kind in row.kinds if kind in kinds)) for row in table if row.form in forms
    ]
    found = [row for row in rows if row.kinds and all(name in features for name, _ in row.features)]
    whole = {row.form: sum(other.share for other in table if other.form == row.form) for row in found}
    left = {form: sum(row.share for row in found if row.form == form) for form in whole}
    total = sum(whole.values())
    # A row alone has all of the budget, and not one bit more.
    shares = [min(1.0, row.share * whole[row.form] / left[row.form] / total) for row in found]
    return tuple(replace(row, share=share) for row, share in zip(found, shares, strict=True))
