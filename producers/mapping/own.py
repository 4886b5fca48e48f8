"""Own data as events: a foreign file read through a mapping, for every command that takes an events file."""

from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa

from detector.contract.keyed_hash import KeyedHash, keyed_hash_from
from producers.mapping.events import read_events
from producers.mapping.labels import read_frauds, read_labels
from producers.mapping.problems import Tally
from producers.mapping.specification import Mapping, read_mapping


@dataclass(frozen=True, slots=True)
class OwnData:
    """A mapping and the key it hashes with, None where it hashes nothing."""

    mapping: Mapping
    key: KeyedHash | None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Features without a basis in files of this mapping."""
        return self.mapping.left_out_features()

    def tables(self, path: Path, notify: Callable[[str], object] = lambda _: None) -> Iterator[pa.Table]:
        """The events of a file as `producers.files.read_tables` gives them; `notify` gets what was skipped.

        Raises UserError as `producers.mapping.events.read_events`.
        """
        tally = Tally()
        yield from read_events(path, self.mapping, self.key, tally)
        for note in tally.notes():
            notify(f"{path}: {note}")

    def frauds(self, path: Path) -> list[str]:
        """Ids of a file's fraudulent events, none where the mapping does not say which these are."""
        return read_frauds(path, self.mapping, self.key)

    def labels(self, path: Path) -> pd.DataFrame:
        """The labels of a file as `producers.files.read_labels` gives them."""
        return read_labels(path, self.mapping, self.key)


def own_data(path: Path, environ: abc.Mapping[str, str]) -> OwnData:
    """The mapping in a file, with the key that the environment names; UserError where one is wrong or missing."""
    mapping = read_mapping(path)
    return OwnData(mapping, keyed_hash_from(environ) if mapping.hashes else None)
