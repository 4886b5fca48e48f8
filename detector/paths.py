"""Where things are kept between runs: the platform's data and cache folders."""

from pathlib import Path

import platformdirs

APPLICATION = "kozamori"


def data_dir() -> Path:
    """Folder of what a person may want to keep: the log of a Kafka left running. Not created here."""
    return Path(platformdirs.user_data_dir(APPLICATION, appauthor=False))


def cache_dir() -> Path:
    """Folder of what can be fetched or computed again: the jars of the local Kafka. Not created here."""
    return Path(platformdirs.user_cache_dir(APPLICATION, appauthor=False))
