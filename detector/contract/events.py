"""The events on the bus as types: the fields a valid message has.

JSON objects tagged by `kind`; unknown fields are ignored. A field that a kind does not have is a class variable
with the value for "absent", so that columns are read from all kinds alike.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from detector.contract import vocabulary

#: A time outside 2000…2100 is in seconds or microseconds, or from a broken clock.
EARLIEST_MS = 946_684_800_000
END_MS = 4_102_444_800_000

#: Identifiers are ids and keyed hashes; 128 characters hold a SHA-512 in hex.
MAX_IDENTIFIER = 128
MAX_EVENT_ID = 64
MIN_ACCOUNT = 16  # hex digits: 64 bits

Auth = Literal["pin4", "otp", "ekyc"]
LinkResult = Literal["ok", "wrong_credentials", "locked"]
DebitResult = Literal["ok", "insufficient", "over_cap", "refused"]
Purpose = Literal["charge", "payment"]

EventId = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID)]
TimeMs = Annotated[int, Meta(ge=EARLIEST_MS, lt=END_MS)]
Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_IDENTIFIER)]
OptionalText = Annotated[str, Meta(max_length=MAX_IDENTIFIER)]
AmountYen = Annotated[int, Meta(ge=1, le=vocabulary.MAX_AMOUNT_YEN)]
# These three patterns are for the schema files only. The codec checks whole columns: a regex per event is too slow.
Service = Annotated[
    str, Meta(min_length=1, max_length=vocabulary.MAX_SERVICE, extra_json_schema={"pattern": vocabulary.SERVICE})
]
Bank = Annotated[str, Meta(min_length=4, max_length=4, extra_json_schema={"pattern": "^[0-9]{4}$"})]
Account = Annotated[
    str, Meta(min_length=MIN_ACCOUNT, max_length=MAX_IDENTIFIER, extra_json_schema={"pattern": "^[0-9A-Fa-f]+$"})
]


class Event(Struct, tag_field="kind", frozen=True, gc=False):
    """Fields of every event."""

    event_id: EventId
    occurred_at_ms: TimeMs
    service: Service
    wallet: Identifier
    wallet_opened_at_ms: TimeMs
    wallet_verified: bool
    source: OptionalText


class OnAccount(Event, frozen=True, gc=False):
    """Fields of every event of a bank account; its Kafka key is `account`."""

    bank: Bank
    account: Account


class Link(OnAccount, tag="link", frozen=True, gc=False):
    """An attempt to link a bank account to a wallet."""

    code: ClassVar[int] = vocabulary.LINK
    amount_yen: ClassVar[int] = 0
    purpose: ClassVar[str] = ""
    auth: Auth
    result: LinkResult


class Unlink(OnAccount, tag="unlink", frozen=True, gc=False):
    """A bank account is unlinked from a wallet."""

    code: ClassVar[int] = vocabulary.UNLINK
    auth: ClassVar[str] = ""
    result: ClassVar[str] = ""
    amount_yen: ClassVar[int] = 0
    purpose: ClassVar[str] = ""


class Debit(OnAccount, tag="debit", frozen=True, gc=False):
    """Money requested from a bank account, for a wallet's balance or for a payment."""

    code: ClassVar[int] = vocabulary.DEBIT
    auth: ClassVar[str] = ""
    result: DebitResult
    amount_yen: AmountYen
    purpose: Purpose


class Open(Event, tag="open", frozen=True, gc=False):
    """A wallet is opened; the Kafka key of this and the other wallet events is `service`/`wallet`."""

    code: ClassVar[int] = vocabulary.OPEN
    amount_yen: ClassVar[int] = 0
    shop: ClassVar[str] = ""
    shop_category: ClassVar[str] = ""
    counterparty: ClassVar[str] = ""


class Payment(Event, tag="payment", frozen=True, gc=False):
    """Money spent from a wallet at a shop."""

    code: ClassVar[int] = vocabulary.PAYMENT
    counterparty: ClassVar[str] = ""
    amount_yen: AmountYen
    shop: OptionalText
    shop_category: OptionalText


class Transfer(Event, tag="transfer", frozen=True, gc=False):
    """Money sent from a wallet to another wallet."""

    code: ClassVar[int] = vocabulary.TRANSFER
    shop: ClassVar[str] = ""
    shop_category: ClassVar[str] = ""
    amount_yen: AmountYen
    counterparty: Identifier


class Payout(Event, tag="payout", frozen=True, gc=False):
    """Money sent from a wallet to a bank account."""

    code: ClassVar[int] = vocabulary.PAYOUT
    shop: ClassVar[str] = ""
    shop_category: ClassVar[str] = ""
    counterparty: ClassVar[str] = ""
    amount_yen: AmountYen


AccountEvent = Link | Unlink | Debit
WalletEvent = Open | Payment | Transfer | Payout
