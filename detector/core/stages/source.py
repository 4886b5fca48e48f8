"""The source stage."""

from detector.core.stage import Stage
from detector.core.stages.source_features import FEATURES
from detector.core.stages.source_kernel import ROW, source_kernel

READS = frozenset(
    {
        "account",
        "amount_yen",
        "kind",
        "occurred_at_ms",
        "result",
        "role",
        "source",
        "wallet",
        "wallet_opened_at_ms",
    }
)

SOURCE = Stage("source", "address", ROW, 2, source_kernel, FEATURES, READS, recorded_hash=(2, 0xAB0A3A7D))
