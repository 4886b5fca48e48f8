"""The account stage, put together."""

from detector.core.stage import Stage
from detector.core.stages.account_features import FEATURES
from detector.core.stages.account_kernel import ROW, account_kernel

ACCOUNT = Stage("account", "account", ROW, 2, account_kernel, FEATURES)
