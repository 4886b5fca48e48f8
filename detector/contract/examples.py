"""One example of every message with each field explained: `python -m detector.contract.examples` writes the page."""

from pathlib import Path

import msgspec

from detector.contract.alerts import SCHEMA, Alert, Counterfactual, ModelRef, Position, Reason
from detector.contract.bulletins import SCHEMA as BULLETIN_SCHEMA
from detector.contract.bulletins import Acknowledgement, Bulletin, Indicator
from detector.contract.dead_letters import SCHEMA as LETTER_SCHEMA
from detector.contract.dead_letters import DeadLetter
from detector.contract.events import Debit, Event, Link, Open, Payment, Payout, Transfer, Unlink

PAGE = Path(__file__).parent / "messages.md"
_AT, _OPENED = 1_598_936_706_000, 1_598_936_106_000  # 14:05:06 on 1 September 2020 in Japan, ten minutes before
_ACCOUNT, _WALLET, _SOURCE = "4f2c9d01a37be655", "w-20931", "9be1d3470f6c2a88"
_BANK = "0116"


def _id(number: int) -> str:
    return f"e-{number:04}"


_EVENTS: tuple[Event, ...] = (
    Open(_id(1), _OPENED, "docomo_account", _WALLET, _OPENED, False, _SOURCE),
    Link(_id(2), _AT - 60_000, "docomo_account", _WALLET, _OPENED, False, _SOURCE, _BANK, _ACCOUNT, "pin4", "ok"),
    Debit(_id(3), _AT, "docomo_account", _WALLET, _OPENED, False, _SOURCE, _BANK, _ACCOUNT, "ok", 100_000, "charge"),
    Payment(_id(4), _AT + 900_000, "docomo_account", _WALLET, _OPENED, False, _SOURCE, 49_800, "s-771", "tobacco"),
    Transfer(_id(5), _AT + 960_000, "docomo_account", _WALLET, _OPENED, False, _SOURCE, 30_000, "w-77120"),
    Payout(_id(6), _AT + 990_000, "docomo_account", _WALLET, _OPENED, False, _SOURCE, 20_000),
    Unlink(_id(7), _AT + 995_000, "docomo_account", _WALLET, _OPENED, False, _SOURCE, _BANK, _ACCOUNT),
)
_POSITION = Position("account-events", 0, 4711)
_ALERT = Alert(
    schema=SCHEMA,
    alert_id="account+wallet+source-account-events-0-4711",
    case_id="account+wallet+source-account-events-0-4711",
    update=0,
    events=1,
    news=["opened"],
    event_id=_id(3),
    kind="debit",
    occurred_at_ms=_AT,
    bank=_BANK,
    account=_ACCOUNT,
    wallet=_WALLET,
    service="docomo_account",
    passbook_text="ドコモコウザ",
    amount_yen=100_000,
    detector="attack_trained",
    false_alarms_per_day=0.25,
    score=0.99998,
    detector_scores={"attack_trained": 0.99998, "joint_tails": 0.9991, "forest": 0.982},
    severity="critical",
    typologies=["T1"],
    yen_debited=100_000,
    yen_at_risk=200_000,
    seconds_to_cap=120,
    urgency=1.0,
    rank_yen=200_000,
    reasons=[Reason("wallet_age_s", 600.0, 2.1e7, 0.61, "wallet opened 10 minutes ago", "開設から 10 分のウォレット")],
    model=ModelRef("2020-08-31-0a1b2c3d", "5d41…"),
    position=_POSITION,
    together_per_day=0.02,
    counterfactual=Counterfactual(
        "amount_yen", 20_000.0, "an amount of at most 20,000 yen would not have alerted", "2万円以下なら検知されません"
    ),
)
_CAMPAIGN = "source-account-events-2-4702"
_BULLETIN = Bulletin(
    schema=BULLETIN_SCHEMA,
    bulletin_id=f"{_CAMPAIGN}-0",
    campaign_id=_CAMPAIGN,
    number=0,
    state="begun",
    news=["begun"],
    patterns=["alerts_at_source"],
    typologies=["T4", "T1", "T7"],
    indicator=Indicator("source", "6f1d22c9a04b7e35"),
    service="docomo_account",
    banks=[_BANK, "9900"],
    began_at_ms=_AT - 1_900_000,
    occurred_at_ms=_AT,
    first_yen_at_ms=None,
    quiet_at_ms=_AT + 72 * 3_600_000,
    accounts_about=4,
    alerts=5,
    failures=0,
    linked=4,
    opened=4,
    yen_taken=0,
    yen_at_risk=1_200_000,
    text_en="one source is behind many alerts",
    text_ja="一つの接続元で多数の検知",
    advice_en="refuse links and charges from this source; look at the accounts it linked",
    advice_ja="この接続元からの口座連携とチャージを止め、連携済みの口座を確認してください",
    position=_POSITION,
)
_OWN_BULLETIN = msgspec.structs.replace(
    _BULLETIN, bulletin_id=f"{_CAMPAIGN}-at-account-events-0-4711", accounts=[_ACCOUNT]
)
_LETTER = DeadLetter(
    schema=LETTER_SCHEMA,
    dead_letter_id="account-events-0-4712",
    reason="bad_amount",
    message="`amount_yen`, expected a whole number of yen from 1 to 1,000,000,000",
    position=Position("account-events", 0, 4712),
    size_bytes=331,
    sha256="9f86…",
    recorded_at_ms=_AT,
)
#: Topic → its messages.
MESSAGES: dict[str, tuple[msgspec.Struct, ...]] = {
    "account-events": tuple(event for event in _EVENTS if isinstance(event, Link | Unlink | Debit)),
    "wallet-events": tuple(event for event in _EVENTS if not isinstance(event, Link | Unlink | Debit)),
    "alerts": (_ALERT,),
    "bulletins": (_BULLETIN,),
    "bulletins.<bank>": (_OWN_BULLETIN,),
    "kozamori.acknowledgements": (Acknowledgement(1, f"{_CAMPAIGN}-0", _BANK, _AT + 45_000),),
    "dead-letters": (_LETTER,),
}
#: What each field means, in the order of the alert, events first.
MEANINGS: dict[str, str] = {
    "kind": "what happened: link, unlink, debit; open, payment, transfer, payout",
    "event_id": "unique for a service, a kind and an account (or wallet); repeated when the event is sent again",
    "occurred_at_ms": "when it happened, in milliseconds since 1970 (UTC)",
    "service": "the payment service: a–z, 0–9, `_.-`",
    "wallet": "the wallet's id at the service",
    "wallet_opened_at_ms": "when the wallet was opened",
    "wallet_verified": "whether its owner was identified (false: an e-mail address was enough)",
    "source": 'keyed hash of the address or device the event came from, "" if unknown',
    "bank": "the bank's four-digit code",
    "account": "keyed hash of bank, branch, kind and number: `kozamori hash`",
    "auth": "how the owner proved to be one: pin4 (four digits), otp (one-time password), ekyc (identity papers)",
    "result": "ok, or why not: of a link wrong_credentials, locked; of a debit insufficient, over_cap, refused",
    "amount_yen": "whole yen",
    "purpose": "of a debit: charge (to the wallet's balance) or payment (to a shop at once)",
    "shop": 'the shop, "" if unknown',
    "shop_category": 'what it sells, "" if unknown',
    "counterparty": "the wallet that receives, at the same service",
    "schema": "version of the message; a reader leaves out newer ones than it knows",
    "alert_id": "the same in every delivery: follows from the position of the source record",
    "case_id": "the `alert_id` of the case's first alert; a case is 24 hours of one account",
    "update": "0 for a new case, then 1, 2, …",
    "events": "alerting events since the update before, this one included",
    "news": "what is new since then: opened, severity, yen, emptied, urgent, detector, service, linked",
    "passbook_text": 'how the service\'s debits stand in the passbook, "" if not published',
    "detector": "the detector that found it most unusual",
    "false_alarms_per_day": "normal events a day that look at least as bad, lower is worse; what the budget limits",
    "score": "1 − p-value, in [0, 1], higher is worse",
    "detector_scores": "the same of each detector",
    "severity": "low, medium, high, critical: by yen at risk and how fast they go",
    "typologies": "fraud patterns whose detector found it; empty if none in particular",
    "yen_debited": "taken in this case and the 24 hours before it",
    "yen_at_risk": "still to be taken until the monthly caps of its services",
    "seconds_to_cap": "until these are gone at the present pace, null if nothing moves",
    "urgency": "share of the yen at risk expected to be gone in an hour",
    "rank_yen": "yen at risk × urgency: what waiting costs; the queue's order",
    "reasons": "features with their share of the score, the largest first, in English and Japanese",
    "model": "which model judged",
    "position": "topic, partition and offset of the source record",
    "together_per_day": "normal events a day that are as risky in all features of the detector, null if not counted",
    "counterfactual": "the least change of one feature that would not have alerted, null if there is none",
    "bulletin_id": "the same in every delivery: the campaign and the number; of a bank's own, the source record",
    "campaign_id": "what its accounts have in common, and the position of its first event",
    "number": "of the campaign's bulletins, from 0",
    "state": "begun, grown, closed",
    "patterns": "counts that are too large for what is usual there",
    "indicator": "what they share: a source or shop (XXH64 of the events' field), a bank × service, a service",
    "banks": "the first sixteen with an account that alerts",
    "began_at_ms": "the campaign's first event",
    "first_yen_at_ms": "the first debit in it, null if nothing was taken",
    "quiet_at_ms": "over by then, in event time, if nothing more is told",
    "accounts_about": "accounts in it, estimated",
    "alerts": "alerting events in it",
    "failures": "link attempts in it that failed",
    "linked": "link attempts in it that succeeded",
    "opened": "wallets opened in it",
    "yen_taken": "taken in it so far",
    "text_en": "what it looks like",
    "text_ja": "the same in Japanese",
    "advice_en": "what to do first",
    "advice_ja": "the same in Japanese",
    "accounts": "an account of the bank whose topic it is; empty in the topic for all",
    "acknowledged_at_ms": "when, by the clock of who says so",
    "dead_letter_id": "the position of the message",
    "reason": "a code: `kozamori dead-letters list` tells its meaning",
    "message": "for people; never any part of the message itself",
    "size_bytes": "of the message",
    "sha256": "of its bytes",
    "recorded_at_ms": "timestamp of the source record, −1 if it had none",
    "payload_base64": "the message, only with the setting `dead_letter_payload_bytes`",
}
#: Of these fields, what they mean in a bulletin, which is of a campaign and not of a case.
OF_BULLETINS: dict[str, str] = {
    "news": "what is new since the bulletin before: begun, pattern, bank, first_yen, yen, accounts, closed",
    "typologies": "fraud patterns that its patterns, and how many links failed, speak for; the likeliest first",
    "occurred_at_ms": "of the event it was told with, in milliseconds since 1970 (UTC)",
    "service": "the payment service of that event",
    "yen_at_risk": "still to be taken from its accounts until their monthly caps, estimated",
}


def page() -> str:
    """The page."""
    parts = ["# Every message, with an example", "", "Written by `python -m detector.contract.examples`.", ""]
    for topic, messages in MESSAGES.items():
        parts += [f"## {topic}", "", *(_example(message) for message in messages)]
        names = dict.fromkeys(name for message in messages for name in fields_of(message))
        meanings = MEANINGS | (OF_BULLETINS if isinstance(messages[0], Bulletin) else {})
        parts += ["| field | meaning |", "|---|---|", *(f"| `{name}` | {meanings[name]} |" for name in names), ""]
    return "\n".join(parts)


def fields_of(message: msgspec.Struct) -> list[str]:
    """Names of the fields as on the bus."""
    return list(msgspec.json.decode(msgspec.json.encode(message), type=dict[str, object]))


def _example(message: msgspec.Struct) -> str:
    return "```json\n" + msgspec.json.format(msgspec.json.encode(message)).decode() + "\n```\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
