"""The wallet stage."""

from detector.core.stage import Stage
from detector.core.stages.wallet_features import FEATURES
from detector.core.stages.wallet_kernel import wallet_kernel
from detector.core.stages.wallet_row import ROW

READS = frozenset(
    {
        "account",
        "amount_yen",
        "counterparty",
        "kind",
        "occurred_at_ms",
        "result",
        "role",
        "shop",
        "shop_category",
        "wallet",
        "wallet_opened_at_ms",
        "wallet_verified",
    }
)

WALLET = Stage("wallet", "wallet", ROW, 2, wallet_kernel, FEATURES, READS, recorded_hash=(2, 0xC8C37ED6))
