"""Small files of own data and mappings for them."""

from pathlib import Path

import pandas as pd

from detector.contract.keyed_hash import KeyedHash
from producers.mapping.events import read_events
from producers.mapping.problems import Tally
from producers.mapping.specification import Mapping, read_mapping
from producers.source import Source

KEY = KeyedHash(b"a key for tests only")

#: One debit a row: when, who, to, yen.
DEBITS = """
[fields]
event_id = { column = "id" }
occurred_at_ms = { column = "when", format = "%Y-%m-%d %H:%M:%S", zone = "Asia/Tokyo" }
service = { constant = "paypay" }
wallet = { column = "to", hash = "none" }
wallet_opened_at_ms = { missing = "first_seen" }
wallet_verified = { missing = "unknown" }
source = { missing = "unknown" }
bank = { constant = "0005" }
account = { column = "who", hash = "text" }
result = { constant = "ok" }
amount_yen = { column = "yen" }
purpose = { constant = "charge" }

[[events]]
kind = "debit"
"""
HEADING = "id,when,who,to,yen"
ROWS = (
    "a,2020-09-01 00:00:00,Sato,w1,100",
    "b,2020-09-01 09:30:00,Ito,w2,2500",
    "c,2020-09-02 23:59:59,Sato,w1,99999",
)


def mapping_of(folder: Path, text: str = DEBITS) -> Mapping:
    """The mapping of a TOML text."""
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return read_mapping(path)


def csv_of(folder: Path, *rows: str, heading: str = HEADING, name: str = "own.csv") -> Path:
    """A CSV file of these lines."""
    path = folder / name
    path.write_text("".join(line + "\n" for line in (heading, *rows)), "utf-8")
    return path


def mapped(path: Path, mapping: Mapping, tally: Tally | None = None) -> pd.DataFrame:
    """All events of a file."""
    tables = [table.to_pandas() for table in read_events(path, mapping, KEY, tally)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def own(mapping: Mapping) -> Source:
    """The mapping with the tests' key."""
    return Source(mapping, KEY, mapping.input.bad_rows)
