"""What people see of a bulletin, in two languages."""

from typing import cast

import msgspec
import pytest
from rich.text import Text

from detector.cli.bulletins import COLOURS, block
from detector.contract.bulletins import (
    STATES,
    Acknowledgement,
    Bulletin,
    decode_acknowledgement,
    decode_bulletin,
    encode_acknowledgement,
    encode_bulletin,
)
from detector.contract.examples import MESSAGES

FOR_ALL, OWN = (cast(Bulletin, MESSAGES[topic][0]) for topic in ("bulletins", "bulletins.<bank>"))

EXPECTED = """\
 BEGUN  2020-09-01 14:05:06 JST  one source is behind many alerts (source 6f1d22c9a04b7e35)
    about 4 accounts, 0 yen taken, 1,200,000 yen at risk; 4 links, 0 failed
    since 2020-09-01 13:33:26, likely T4, T1, T7; banks 0116, 9900
    → refuse links and charges from this source; look at the accounts it linked
    source-account-events-2-4702-0
"""


def test_a_bulletin_says_what_it_is_how_large_and_what_to_do_first() -> None:
    assert EXPECTED == block(FOR_ALL, "en").plain
    japanese = block(FOR_ALL, "ja").plain
    assert "発生" in japanese
    assert FOR_ALL.advice_ja in japanese
    assert FOR_ALL.advice_en not in japanese


def test_a_banks_own_names_its_account_and_that_for_all_names_none() -> None:
    (account,) = OWN.accounts
    assert f"your account {account}" in block(OWN, "en").plain
    assert account not in block(FOR_ALL, "en").plain


def test_every_state_has_a_colour_and_a_word() -> None:
    assert set(STATES) == set(COLOURS)
    for state in STATES:
        shown: Text = block(msgspec.structs.replace(FOR_ALL, state=state), "en")
        assert shown.plain.startswith(f" {state.upper()} ")


def test_an_event_does_not_control_the_terminal() -> None:
    hostile = msgspec.structs.replace(FOR_ALL, service="x\x1b[31m", campaign_id="\x1b", advice_en="\x1b[2Jgo")
    assert "\x1b" not in block(hostile, "en").plain


def test_a_bulletin_is_read_as_it_was_written_and_one_without_accounts_too() -> None:
    for bulletin in (FOR_ALL, OWN):
        assert bulletin == decode_bulletin(encode_bulletin(bulletin))
    without = {name: value for name, value in msgspec.to_builtins(FOR_ALL).items() if name != "accounts"}
    assert FOR_ALL == decode_bulletin(msgspec.json.encode(without))
    with pytest.raises(msgspec.DecodeError):
        decode_bulletin(b'{"schema": 1}')


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1598936751000", b"9" * 400),
        (b"1598936751000", b"-1"),
        (b'"0116"', b'"\xff"'),
        (b'"schema":1', b'"more":' + b"[" * 100_000),
        (b"}", b""),
    ],
    ids=["a giant time", "a time before all events", "no UTF-8", "too deep", "half of it"],
)
def test_what_a_bank_writes_instead_of_an_acknowledgement_is_none(old: bytes, new: bytes) -> None:
    (good,) = cast(tuple[Acknowledgement], MESSAGES["kozamori.acknowledgements"])
    encoded = encode_acknowledgement(good)
    assert good == decode_acknowledgement(encoded)
    assert old in encoded
    with pytest.raises(msgspec.DecodeError):
        decode_acknowledgement(encoded.replace(old, new))
