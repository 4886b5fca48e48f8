"""`kozamori export`: canaries are no history of anybody."""

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace

from detector.cli.export import tables_of
from detector.contract.canary import canary_of
from detector.contract.codec import decode_account_events, encode
from detector.core.topology import COMPLETE
from detector.ops.topic_log import Part, Progress, TopicLog
from detector.settings import Settings

FIRST = 26_000_000  # a minute of 2019
SOMEBODY = replace(canary_of(FIRST), event_id="e-1", bank="0116", account="4f2c9d01a37be655")


class Held(TopicLog):
    """A log that holds canaries, and one event of somebody between them."""

    def parts(self, progress: Progress = lambda _done, _total: None) -> Iterator[Part]:
        events = [canary_of(FIRST), SOMEBODY, canary_of(FIRST + 1)]
        values, keys = [encode(event) for event in events], [event.account.encode() for event in events]
        batch = decode_account_events(values, keys, np.arange(3)).batch
        yield Part(batch, values, np.zeros(3, np.int64))


def test_canaries_are_left_out() -> None:
    (table,) = tables_of(Held(Settings(), COMPLETE), None, None, lambda _done, _total: None)
    assert ["e-1"] == table.column("event_id").to_pylist()
