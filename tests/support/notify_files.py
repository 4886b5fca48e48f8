"""A settings file of `kozamori notify`."""

from collections.abc import Mapping
from pathlib import Path

SECRET = "whsec_" + "a2V5" * 8


def write_config(folder: Path, urls: Mapping[str, str], more: str = "") -> Path:
    """Webhooks by their names, all with one secret; `more` stands at the end of each table."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    tables = [
        f'[[notify.webhooks]]\nname = "{name}"\nurl = "{url}"\nsecret_file = "{secret}"\n{more}\n'
        for name, url in urls.items()
    ]
    config = folder / "notify.toml"
    config.write_text(f'[notify]\nparked = "{folder / "parked.jsonl"}"\n' + "".join(tables))
    return config
