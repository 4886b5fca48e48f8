"""The account stage."""

from detector.core.row_versions import RowVersion
from detector.core.stage import Stage
from detector.core.stages.account_features import FEATURES
from detector.core.stages.account_kernel import account_kernel
from detector.core.stages.account_row import BEFORE, ROW

READS = frozenset(
    {
        "account",
        "amount_yen",
        "auth",
        "kind",
        "occurred_at_ms",
        "purpose",
        "result",
        "service",
        "source",
        "wallet",
        "wallet_opened_at_ms",
        "wallet_verified",
    }
)

ACCOUNT = Stage(
    "account",
    "account",
    ROW,
    4,
    account_kernel,
    FEATURES,
    READS,
    features_version=2,
    other_rows=(RowVersion(3, 0xBA0BC865, BEFORE),),
)
