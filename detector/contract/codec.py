"""Messages to columns and back. Decoding never raises: a bad message becomes a `Rejected`, whatever its bytes.

Each message is decoded alone, so a chunk gives the same result as its messages one at a time.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.contract.columns import NO_BANK, account_columns, not_hex, wallet_columns
from detector.contract.dead_letters import Rejected
from detector.contract.events import EARLIEST_MS, AccountEvent, Event, OnAccount, WalletEvent
from detector.contract.keys import wallet_keys
from detector.contract.refusals import PLAIN_BYTES, RefusedError, check_unusual, describe, refusal
from detector.contract.services import NO_SERVICE, is_service
from detector.contract.texts import Strings
from detector.contract.vocabulary import BANKS

__all__ = ["Decoded", "Rejected", "decode_account_events", "decode_one", "decode_wallet_events", "encode"]

#: Source clocks may run a little ahead, but never a day; one event far ahead would expire every row.
MAX_AHEAD_MS = 24 * 3_600_000

Messages = Sequence[bytes | None]
Numbers = npt.NDArray[np.int64]
Verdict = tuple[int, str, str]  # index in the batch, reason, invalid field or ""
E = TypeVar("E", AccountEvent, WalletEvent)

_ACCOUNT_DECODER = msgspec.json.Decoder(AccountEvent)
_WALLET_DECODER = msgspec.json.Decoder(WalletEvent)
_DECODER: msgspec.json.Decoder[AccountEvent | WalletEvent] = msgspec.json.Decoder(AccountEvent | WalletEvent)
_ENCODER = msgspec.json.Encoder()
# UnicodeDecodeError is a ValueError; RecursionError is possible only if the caller has used up the stack.
_REFUSALS = (RefusedError, msgspec.DecodeError, ValueError, RecursionError)


class Decoded(NamedTuple):
    """The valid events of a chunk in order (`batch.record`: index in the chunk), and the rejected messages."""

    batch: Batch
    strings: Strings
    rejected: list[Rejected]


def encode(event: Event) -> bytes:
    """The JSON message of an event."""
    return _ENCODER.encode(event)


def decode_one(value: bytes) -> AccountEvent | WalletEvent:
    """The event of one message with its strings; raises ValueError, without the payload's content, if it is invalid."""
    try:
        if not value or len(value) > PLAIN_BYTES or not value.isascii():
            check_unusual(value)
        event = _DECODER.decode(value)
    except _REFUSALS as error:
        raise ValueError(str(refusal(error, value))) from None
    if not is_service(event.service):
        raise ValueError(describe("bad_value", "service"))
    if isinstance(event, OnAccount):
        if event.bank not in BANKS:
            raise ValueError(describe("bad_value", "bank"))
        if not_hex([event.account]):
            raise ValueError(describe("bad_value", "account"))
    return event


def decode_account_events(
    values: Messages, keys: Messages, offsets: Numbers, timestamps_ms: Numbers | None = None
) -> Decoded:
    """Columns of the account events among `values`, in order; a message's key must be its `account`.

    `offsets` and `timestamps_ms` (of the records; None where there are none, as in files) are int64 `(len(values),)`.
    An event is rejected where it is more than 24 hours ahead of its record, or its record has no possible timestamp.
    """
    events, rejected = _decode_each(values, _ACCOUNT_DECODER.decode)
    records = _valid_indices(len(values), rejected)
    batch, strings = account_columns(events, offsets[records], records)
    accounts = [event.account for event in events]
    verdicts = [
        *_service_verdicts(batch),
        *((int(i), "bad_value", "bank") for i in np.flatnonzero(batch.bank == NO_BANK)),
        *((i, "bad_value", "account") for i in not_hex(accounts)),
        *_key_verdicts(accounts, keys, records),
        *_time_verdicts(batch, timestamps_ms),
    ]
    return _without(batch, strings, verdicts, rejected)


def decode_wallet_events(
    values: Messages, keys: Messages, offsets: Numbers, timestamps_ms: Numbers | None = None
) -> Decoded:
    """Columns of the wallet events among `values`, in order; a message's key must be its `service`/`wallet`.

    Arguments as for `decode_account_events`.
    """
    events, rejected = _decode_each(values, _WALLET_DECODER.decode)
    records = _valid_indices(len(values), rejected)
    wallets = wallet_keys([event.service for event in events], [event.wallet for event in events])
    batch, strings = wallet_columns(events, wallets, offsets[records], records)
    verdicts = [
        *_service_verdicts(batch),
        *_key_verdicts(wallets, keys, records),
        *_time_verdicts(batch, timestamps_ms),
    ]
    return _without(batch, strings, verdicts, rejected)


def _decode_each(values: Messages, decode: Callable[[bytes], E]) -> tuple[list[E], list[Rejected]]:
    """The events of `values`, and the refusals of the others; the hot loop of this module."""
    events: list[E] = []
    rejected = []
    append = events.append
    for record, value in enumerate(values):
        try:
            if not value or len(value) > PLAIN_BYTES or not value.isascii():
                check_unusual(value)
            append(decode(value))  # type: ignore[arg-type]  # check_unusual raised for None
        except _REFUSALS as error:
            refused = refusal(error, value)
            rejected.append(Rejected(record, refused.reason, str(refused)))
    return events, rejected


def _valid_indices(n: int, rejected: list[Rejected]) -> npt.NDArray[np.int32]:
    """Indices of the messages, of `n`, that are not rejected."""
    indices = np.arange(n, dtype=np.int32)
    return np.delete(indices, [r.record for r in rejected]) if rejected else indices


def _service_verdicts(batch: Batch) -> list[Verdict]:
    """A verdict for each event with an invalid service name."""
    return [(int(i), "bad_value", "service") for i in np.flatnonzero(batch.service == NO_SERVICE)]


def _key_verdicts(texts: list[str], keys: Messages, records: npt.NDArray[np.int32]) -> list[Verdict]:
    """A verdict for each event whose message key is not the UTF-8 of its text."""
    if len(records) != len(keys):
        keys = [keys[record] for record in records]
    # Equal joined buffers with equal lengths mean equal keys; much cheaper than comparing one by one.
    if (
        None not in keys
        and b"".join(keys) == "".join(texts).encode()  # type: ignore[arg-type]  # None is excluded
        and list(map(len, keys)) == list(map(len, texts))  # type: ignore[arg-type]
    ):
        return []
    return [
        (i, "key_mismatch" if key else "missing_key", "")
        for i, (key, text) in enumerate(zip(keys, texts, strict=True))
        if key != text.encode()
    ]


def _time_verdicts(batch: Batch, timestamps_ms: Numbers | None) -> list[Verdict]:
    """A verdict for each event too far ahead of its record, or whose record's timestamp is not possible."""
    if timestamps_ms is None:
        return []
    written_ms = timestamps_ms[batch.record]
    # An impossible timestamp lies before every possible event.
    ahead = np.flatnonzero(batch.occurred_at_ms - MAX_AHEAD_MS > written_ms)
    unknown = np.flatnonzero(written_ms < EARLIEST_MS)
    return [
        *((int(i), "bad_timestamp", "") for i in unknown),
        *((int(i), "time_in_future", "") for i in ahead),
    ]


def _without(batch: Batch, strings: Strings, verdicts: list[Verdict], rejected: list[Rejected]) -> Decoded:
    """The batch without the events that have a verdict; of several on one event the first counts."""
    if not verdicts:
        return Decoded(batch, strings, rejected)
    first = {i: (reason, field) for i, reason, field in reversed(verdicts)}
    refused = [Rejected(int(batch.record[i]), why[0], describe(*why)) for i, why in first.items()]
    keep = np.ones(batch.size, np.bool_)
    keep[list(first)] = False
    return Decoded(batch.select(keep), strings.select(keep), sorted(rejected + refused))
