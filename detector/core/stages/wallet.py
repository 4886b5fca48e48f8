"""The wallet stage, put together."""

from detector.core.stage import Stage
from detector.core.stages.wallet_features import FEATURES
from detector.core.stages.wallet_kernel import wallet_kernel
from detector.core.stages.wallet_row import ROW

WALLET = Stage("wallet", "wallet", ROW, 2, wallet_kernel, FEATURES)
