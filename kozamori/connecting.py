"""How to reach Kafka, as the worker and the commands are told: a TOML file, the environment."""

import os
from pathlib import Path
from typing import Any

from detector.kafka.security import client_options
from detector.settings import load_settings


def connection_from(config: str | Path | None = None, bank: str | None = None) -> dict[str, Any]:
    """Arguments of a subscriber: brokers, topic of alerts, TLS and SASL, by the settings of `config` and `KOZAMORI_…`.

    With `bank` those of that bank alone, from its own topic where it is one of the setting `alert_banks`.

    Without `config` the file is that of `KOZAMORI_CONFIG`, if any; the environment wins over it. Raises UserError for a
    setting that is senseless, or a file that cannot be read.
    """
    settings = load_settings({}, os.environ, None if config is None else Path(config))
    options = client_options(settings)
    chosen = {} if bank is None else {"bank": bank}
    return {"bootstrap": options.pop("bootstrap_servers"), "topic": settings.alerts_of(bank), **chosen, **options}
