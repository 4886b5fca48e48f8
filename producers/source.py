"""Events for every command that takes a file of them: an events file as it is, or own data through a mapping."""

from collections import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from detector.contract.keyed_hash import KeyedHash, keyed_hash_from
from producers.aside import set_aside
from producers.files import read_tables
from producers.mapping.events import read_events
from producers.mapping.labels import read_frauds, read_labels
from producers.mapping.policies import REFUSED, BadRows
from producers.mapping.problems import Tally
from producers.mapping.specification import Mapping, read_mapping
from producers.valid import valid_tables


def _nobody(_: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Source:
    """A way to read events; `mapping` of own data, and the key it hashes with, None where it hashes nothing.

    `notify` gets, once each, notes on what was left out.
    """

    mapping: Mapping | None = None
    key: KeyedHash | None = None
    bad_rows: BadRows = REFUSED
    notify: Callable[[str], object] = _nobody
    _told: set[str] = field(default_factory=set, repr=False, compare=False)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Features without a basis in files of its mapping."""
        return self.mapping.left_out_features() if self.mapping else ()

    def tables(self, path: Path) -> Iterator[pa.Table]:
        """The events of a file as `producers.files.read_tables` gives them.

        Raises UserError for a file that cannot be read, for the first bad row, or for too many where they are left out.
        """
        tally = Tally()
        if self.mapping is not None:
            yield from read_events(path, self.mapping, self.key, tally)
        elif self.bad_rows.policy == "refuse":
            yield from read_tables(path)
        else:
            yield from valid_tables(path, self.bad_rows, tally)
        self._tell(path, tally)

    def frauds(self, path: Path) -> list[str]:
        """Ids of a file's fraudulent events, none where no mapping says which these are."""
        return read_frauds(path, self.mapping, self.key, self._tally_frauds(path)) if self.mapping else []

    def labels(self, path: Path) -> pd.DataFrame:
        """The labels of a file of own data as `producers.files.read_labels` gives them."""
        assert self.mapping is not None
        return read_labels(path, self.mapping, self.key, self._tally_frauds(path))

    def _tally_frauds(self, path: Path) -> Callable[[Tally], None]:
        def tell(tally: Tally) -> None:
            if tally.bad:
                self._say(
                    f"{path}: {tally.bad:,} rows labelled as fraud are not understood, the first: {tally.first[0]}"
                )

        return tell

    def _tell(self, path: Path, tally: Tally) -> None:
        for note in tally.notes():
            self._say(f"{path}: {note}")
        if tally.bad and self.bad_rows.policy == "aside":
            written = set_aside(path, self.mapping.input if self.mapping else None, tally)
            self._say(f"{path}: these rows are in {written}, as they are in the file")

    def _say(self, note: str) -> None:
        if note not in self._told:
            self._told.add(note)
            self.notify(note)


def source_of(
    path: Path | None,
    environ: abc.Mapping[str, str],
    notify: Callable[[str], object] = _nobody,
    *,
    policy: str | None = None,
    limit: float | None = None,
) -> Source:
    """The source that the mapping in a file describes (None: events files as they are).

    `policy` and `limit` of bad rows win over those of the mapping. The key is the one that the environment names, else
    the mapping. Raises UserError where one is wrong or missing.
    """
    mapping = None if path is None else read_mapping(path)
    bad_rows = mapping.input.bad_rows if mapping else REFUSED
    bad_rows = replace(
        bad_rows,
        policy=bad_rows.policy if policy is None else policy,
        limit=bad_rows.limit if limit is None else limit,
    )
    if mapping is None:
        return Source(bad_rows=bad_rows, notify=notify)
    mapping = replace(mapping, input=replace(mapping.input, bad_rows=bad_rows))
    named = mapping.hash_key
    of_mapping = (named.file, named.id) if named else None
    key = keyed_hash_from(environ, of_mapping) if mapping.hashes else None
    return Source(mapping, key, bad_rows, notify)
