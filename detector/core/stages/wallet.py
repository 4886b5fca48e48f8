"""The wallet stage."""

from detector.core.row_versions import RowVersion
from detector.core.stage import Stage
from detector.core.stages.wallet_features import FEATURES
from detector.core.stages.wallet_kernel import wallet_kernel
from detector.core.stages.wallet_row import BEFORE, ROW

READS = frozenset(
    {
        "account",
        "amount_yen",
        "kind",
        "occurred_at_ms",
        "result",
        "role",
        "wallet",
    }
)

WALLET = Stage(
    "wallet",
    "wallet",
    ROW,
    3,
    wallet_kernel,
    FEATURES,
    READS,
    other_rows=(RowVersion(2, 0xC8C37ED6, BEFORE),),
)
