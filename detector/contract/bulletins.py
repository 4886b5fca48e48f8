"""Bulletins as on the bus: what a campaign is, for every bank. A function of the log, so a replay repeats them."""

from typing import Literal

import msgspec
from msgspec import Struct

from detector.contract.alerts import Position
from detector.contract.events import TimeMs

SCHEMA = 1

State = Literal["begun", "grown", "closed"]
STATES: tuple[State, ...] = ("begun", "grown", "closed")
IndicatorKind = Literal["source", "bank_service", "service", "bank_emptied", "shop"]


class Indicator(Struct, frozen=True, gc=False):
    """What the accounts of a campaign have in common.

    `value` of a `source`: XXH64 of the event's `source`, 16 hex digits, so that whoever has seen it recognises it; of
    a `bank_service`, or `bank_emptied`, the bank's code, "/" and the service; of a `service` its name; of a `shop` the
    XXH64 of the payment's `shop`. At a shop wallets are counted instead of accounts, and yen are those spent there.
    """

    kind: IndicatorKind
    value: str


class Acknowledgement(Struct, frozen=True, gc=False):
    """That a bank has read a bulletin, at a time by the clock of who says so."""

    schema: int
    bulletin_id: str
    bank: str
    acknowledged_at_ms: TimeMs


class Bulletin(Struct, frozen=True):
    """A campaign as of one event; `number` counts its bulletins from 0, and `campaign_id` follows from its first event.

    `state`: `begun` at first, `closed` where quiet had ended it when the next event came. Who hears of nothing more by
    `quiet_at_ms`, in event time, may take it as over. `patterns` are those that were too large, `typologies` the
    likeliest first. Counts and yen are of the campaign so far, also of what came before it was told; `accounts_about`
    and `yen_at_risk` are estimates. `banks`: the first sixteen with an account that alerts. `first_yen_at_ms`: None
    where nothing was taken. `accounts` is empty in the topic for all; in a bank's own topic it has one of its accounts,
    the event's.
    """

    schema: int
    bulletin_id: str
    campaign_id: str
    number: int
    state: State
    news: list[str]
    patterns: list[str]
    typologies: list[str]
    indicator: Indicator
    service: str
    banks: list[str]
    began_at_ms: int
    occurred_at_ms: int
    first_yen_at_ms: int | None
    quiet_at_ms: int
    accounts_about: int
    alerts: int
    failures: int
    linked: int
    opened: int
    yen_taken: int
    yen_at_risk: int
    text_en: str
    text_ja: str
    advice_en: str
    advice_ja: str
    position: Position
    accounts: list[str] = []


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Bulletin)
_ACKNOWLEDGEMENTS = msgspec.json.Decoder(Acknowledgement)


def campaign_id(indicator: IndicatorKind, first: Position) -> str:
    """The id of the campaign at a key of that kind whose first event is this record; the same in every replay."""
    return f"{indicator}-{first.topic}-{first.partition}-{first.offset}"


def encode_bulletin(bulletin: Bulletin) -> bytes:
    """The JSON message of a bulletin."""
    return _ENCODER.encode(bulletin)


def decode_bulletin(value: bytes) -> Bulletin:
    """The bulletin of a JSON message; raises `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(value)


def encode_acknowledgement(acknowledgement: Acknowledgement) -> bytes:
    """The JSON message of an acknowledgement."""
    return _ENCODER.encode(acknowledgement)


def decode_acknowledgement(value: bytes) -> Acknowledgement:
    """The acknowledgement of a JSON message; raises `msgspec.DecodeError` for anything else that a bank may write."""
    try:
        return _ACKNOWLEDGEMENTS.decode(value)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
