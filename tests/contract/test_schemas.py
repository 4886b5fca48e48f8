import json
from typing import Any

import jsonschema
import pytest
from support import events as make

from detector.contract.schema import FOLDER, TYPES, schema_text

ACCOUNT_EVENTS = [make.link(), make.unlink(), make.debit()]
WALLET_EVENTS = [make.open_wallet(), make.payment(), make.transfer(), make.payout()]


def validator(topic: str) -> Any:
    return jsonschema.Draft202012Validator(json.loads((FOLDER / f"{topic}.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("topic", TYPES)
def test_the_file_is_what_the_types_say(topic: str) -> None:
    written = (FOLDER / f"{topic}.json").read_text(encoding="utf-8")
    assert schema_text(topic) == written, "stale: run `python -m detector.contract.schema`"


def test_there_is_no_other_file() -> None:
    assert {f"{topic}.json" for topic in TYPES} == {path.name for path in FOLDER.iterdir()}


@pytest.mark.parametrize("topic", TYPES)
def test_the_file_is_a_valid_schema(topic: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(topic)))


@pytest.mark.parametrize("fields", ACCOUNT_EVENTS + WALLET_EVENTS, ids=lambda fields: fields["kind"])
def test_valid_events_meet_the_schema_of_their_topic_only(fields: dict[str, Any]) -> None:
    is_account_event = fields in ACCOUNT_EVENTS
    assert is_account_event == validator("account-events").is_valid(fields)
    assert is_account_event != validator("wallet-events").is_valid(fields)
    assert validator("account-events" if is_account_event else "wallet-events").is_valid(fields | {"extra": [1]})


@pytest.mark.parametrize(
    "fields",
    [
        make.debit(amount_yen=0),
        make.debit(amount_yen=1.5),
        make.debit(amount_yen=10**9 + 1),
        make.debit(bank="01a6"),
        make.debit(bank=116),
        make.debit(account="9f86d081884c7d6"),
        make.debit(account="9f86d081884c7d6g"),
        make.debit(event_id=""),
        make.debit(event_id="x" * 65),
        make.debit(occurred_at_ms=1_598_886_300),
        make.debit(result="locked"),
        make.debit(kind="payment"),
        make.link(auth="pin"),
        make.link(source=None),
        make.link(source="x" * 129),
    ],
    ids=str,
)
def test_bad_events_do_not_meet_the_schema(fields: dict[str, Any]) -> None:
    assert not validator("account-events").is_valid(fields)
