"""Records to columns: plain events in one pass over their buffer, all others by the strict decoder, which decides."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, Batch, concatenate, origin_of
from detector.contract.codec import MAX_AHEAD_MS, Decoded, decode_account_events, decode_wallet_events
from detector.contract.dead_letters import Rejected
from detector.contract.events import EARLIEST_MS
from detector.contract.plain_json import HASHES, KEY_BYTES, NUMBERS, TEXTS, read_plain
from detector.contract.records import Numbers, Records
from detector.contract.refusals import PLAIN_BYTES
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import ACCOUNT_EVENTS, ACCOUNT_KINDS, KINDS

#: By topic: the first and last kind of its events.
_KINDS = ((0, len(ACCOUNT_KINDS) - 1), (len(ACCOUNT_KINDS), len(KINDS) - 1))


def decode_records(topic: int, records: Records) -> Decoded:
    """What `decode_account_events` or `decode_wallet_events` makes of a source topic's records, to the last bit."""
    batch, strings, plain = read_events(topic, records)
    if plain.all():
        return Decoded(batch, strings, [])
    unusual = np.flatnonzero(~plain)
    strict = _strict(topic, records.select(unusual))
    rejected = [Rejected(int(unusual[one.record]), one.reason, one.message) for one in strict.rejected]
    # The strict decoder's events stand behind the others until all are put into the order of their records.
    taken = unusual[strict.batch.record]
    index = np.arange(len(records))
    index[taken] = len(records) + np.arange(len(taken))
    keep = plain.copy()
    keep[taken] = True
    behind = strict.batch._replace(record=taken.astype(np.int32))
    return Decoded(
        concatenate([batch, behind]).select(index[keep]),
        Strings.joined([strings, strict.strings]).select(index[keep]),
        rejected,
    )


def read_events(topic: int, records: Records) -> tuple[Batch, Strings, npt.NDArray[np.bool_]]:
    """Columns and strings of the plain events among the records, one row a record, and which rows have one."""
    n = len(records)
    hashes, numbers = np.zeros((len(HASHES), n), np.uint64), np.empty((len(NUMBERS), n), np.int64)
    texts = np.zeros((2 * len(TEXTS), n), np.int64)
    key = np.empty(KEY_BYTES, np.uint8)
    key_text = key.view()
    key_text.flags.writeable = False
    latest_ms, bounds = _latest(records.timestamp_ms), np.array((*_KINDS[topic], PLAIN_BYTES))
    read_plain(records.data, records.spans, latest_ms, bounds, key, key_text, hashes, numbers, texts)
    columns: dict[str, Any] = dict(zip(HASHES, hashes, strict=True)) | {
        name: column.astype(DTYPES[name], copy=False) for name, column in zip(NUMBERS, numbers, strict=True)
    }
    batch = Batch(
        **columns,
        offset=records.offset,
        hop_index=np.zeros(n, np.int32),
        role=np.zeros(n, np.int8),
        origin=np.full(n, origin_of(topic, 0), np.int32),
        origin_offset=records.offset,
    )
    strings = Strings(*(Texts(records.data, *span) for span in texts.reshape(len(TEXTS), 2, n)))
    return batch, strings, numbers[0] >= 0


def _latest(timestamp_ms: Numbers) -> Numbers:
    """The latest time of an event in each record: before every event where the record's own is not possible."""
    return np.where(timestamp_ms < EARLIEST_MS, 0, timestamp_ms + MAX_AHEAD_MS)


def _strict(topic: int, records: Records) -> Decoded:
    decode = decode_account_events if topic == ACCOUNT_EVENTS else decode_wallet_events
    return decode(records.values(), records.keys(), records.offset, records.timestamp_ms)
