import detector.contract  # noqa: F401  # before the first kernel: how it is kept
