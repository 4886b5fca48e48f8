"""The source stage, put together."""

from detector.core.stage import Stage
from detector.core.stages.source_features import FEATURES
from detector.core.stages.source_kernel import ROW, source_kernel

SOURCE = Stage("source", "address", ROW, 2, source_kernel, FEATURES)
