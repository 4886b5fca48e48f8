"""A mapping file that makes no sense is refused with the key that does not; one that does says what is missing."""

from importlib.resources import files
from pathlib import Path

import pytest
from support.own_files import DEBITS, HEADING, ROWS, csv_of, mapped, mapping_of

from detector.core.chains import SOURCE_CHAIN
from detector.errors import UserError
from producers.mapping.specification import read_mapping

EXAMPLES = sorted(str(file) for file in (files("producers.mapping") / "examples").iterdir())


def changed(old: str, new: str) -> str:
    assert old in DEBITS
    return DEBITS.replace(old, new, 1)


WRONG = (
    ("not TOML", "[fields", "no TOML"),
    (
        "no events",
        DEBITS.replace("[[events]]", "[labels]").replace('kind = "debit"', 'fraud = { x = "1" }'),
        "`events`",
    ),
    ("unknown table", DEBITS + "\n[more]\n", "`more`: no such key, expected .*input"),
    ("unknown kind", changed('"debit"', '"refund"'), r"`events\[1\].kind`: got 'refund', expected one of link"),
    ("no kind", changed('kind = "debit"', ""), r"`events\[1\].kind`: got nothing"),
    ("unknown field", changed("[fields]", '[fields]\ncolour = { column = "x" }'), "`fields.colour`"),
    ("field of another kind", DEBITS + 'shop = { constant = "x" }\n', r"`events\[1\].shop`: no such key"),
    ("field not given", changed('bank = { constant = "0005" }', ""), r"`events\[1\].bank`: got nothing"),
    ("no table", changed('{ constant = "0005" }', '"0005"'), "`fields.bank`: got '0005', expected a table"),
    (
        "two ways",
        changed('{ constant = "0005" }', '{ constant = "0005", column = "x" }'),
        "`fields.bank`: got 'column, c",
    ),
    ("no way", changed('{ constant = "0005" }', "{ }"), "`fields.bank`: got nothing, expected exactly one of"),
    ("bad constant", changed('"0005"', '"5"'), "`fields.bank.constant`: got '5', expected four digits"),
    (
        "bad word",
        changed('{ constant = "ok" }', '{ constant = "fine" }'),
        "`fields.result.constant`: got 'fine', expected",
    ),
    (
        "constant id",
        changed('event_id = { column = "id" }', 'event_id = { constant = "x" }'),
        "`fields.event_id.constant`",
    ),
    (
        "bad policy",
        changed('{ missing = "first_seen" }', '{ missing = "guess" }'),
        "`fields.wallet_opened_at_ms.missing`",
    ),
    (
        "no policy",
        changed('{ constant = "ok" }', '{ missing = "ok" }'),
        "`fields.result.missing`.*a column or a constant",
    ),
    (
        "no hash",
        changed(', hash = "text"', ""),
        "`fields.account.hash`: got nothing, expected one of number, text, none",
    ),
    (
        "no branch",
        changed('hash = "text"', 'hash = "number"'),
        "`fields.account.branch`: got nothing, expected a column or a constant",
    ),
    (
        "bad kind of account",
        changed(
            'hash = "text"',
            'hash = "number", branch = { constant = "001" }, account_kind = { constant = "3" }',
        ),
        "`fields.account.account_kind.constant`: got '3', expected one of 1, 2, 4, 9",
    ),
    ("bad service", changed('"paypay"', '"Pay Pay"'), "`fields.service.constant`: got 'Pay Pay', expected a name"),
    ("bad hash", changed('hash = "none"', 'hash = "number"'), "`fields.wallet.hash`: got 'number'"),
    ("no zone", changed(', zone = "Asia/Tokyo"', ""), "`fields.occurred_at_ms.zone`: got nothing"),
    ("bad zone", changed("Asia/Tokyo", "Asia/Edo"), "`fields.occurred_at_ms.zone`: got 'Asia/Edo'"),
    ("zone and offset", changed("%H:%M:%S", "%H:%M:%S%z"), "`fields.occurred_at_ms.zone`.*%z"),
    ("unit and format", changed('zone = "Asia/Tokyo"', 'unit = "s"'), "`fields.occurred_at_ms`: .*either `unit`"),
    (
        "clock of a number",
        changed('format = "%Y-%m-%d %H:%M:%S", zone = "Asia/Tokyo"', 'unit = "d", clock = "x"'),
        "`fields.occurred_at_ms.clock`: got 'x', expected a `format`",
    ),
    ("bad round", changed('{ column = "yen" }', '{ column = "yen", round = "near" }'), "`fields.amount_yen.round`"),
    ("no factor", changed('{ column = "yen" }', '{ column = "yen", factor = 0 }'), "`fields.amount_yen.factor`"),
    (
        "factor of text",
        changed('{ column = "yen" }', '{ column = "yen", factor = "2" }'),
        "`fields.amount_yen.factor`.*a number",
    ),
    ("one sign", changed('{ column = "yen" }', '{ column = "yen", thousands = "." }'), "`fields.amount_yen.thousands`"),
    (
        "unknown key",
        changed('{ column = "yen" }', '{ column = "yen", rate = 2 }'),
        "`fields.amount_yen.rate`: no such key",
    ),
    (
        "value to no word",
        changed('{ constant = "ok" }', '{ column = "x", values = { "00" = "fine" } }'),
        "`fields.result.values.00`: got 'fine'",
    ),
    ("empty condition", DEBITS + "where = { to = [] }\n", r"`events\[1\].where.to`"),
    ("bad delimiter", '[input]\ndelimiter = "::"\n' + DEBITS, "`input.delimiter`"),
    ("bad encoding", '[input]\nencoding = "utf-88"\n' + DEBITS, "`input.encoding`"),
    ("bad rows", '[input]\nbad_rows = "hide"\n' + DEBITS, "`input.bad_rows`: got 'hide', expected one of refuse, skip"),
    ("two labels", DEBITS + '[labels]\nfraud = { a = "1", b = "1" }\n', "`labels.fraud`"),
    ("no hours", DEBITS + '[labels]\nfraud = { a = "1" }\ncase_hours = 0\n', "`labels.case_hours`"),
    (
        "each for the other",
        changed('{ column = "to", hash = "none" }', '{ missing = "account" }').replace(
            '{ column = "who", hash = "text" }', '{ missing = "wallet" }'
        ),
        "`fields.wallet.missing`",
    ),
)


@pytest.mark.parametrize(("text", "told"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_wrong_mapping_is_refused_with_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told) as raised:
        mapping_of(tmp_path, text)
    assert "own.toml" in str(raised.value)


@pytest.mark.parametrize("lines", ["-1", "1.5", "inf", "nan", "true", '"2"'])
def test_lines_to_skip_are_a_whole_number(tmp_path: Path, lines: str) -> None:
    with pytest.raises(UserError, match=r"`input\.skip_lines`"):
        mapping_of(tmp_path, f"[input]\nskip_lines = {lines}\n{DEBITS}")
    assert 2 == mapping_of(tmp_path, f"[input]\nskip_lines = 2\n{DEBITS}").input.skip_lines


def test_a_missing_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        read_mapping(tmp_path / "none.toml")


def test_a_column_that_the_file_does_not_have_is_refused_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"`fields\.amount_yen`: own\.csv has no column 'yen', it has id, when"):
        mapped(csv_of(tmp_path, *ROWS, heading=HEADING.replace("yen", "JPY")), mapping_of(tmp_path))


def test_a_heading_that_is_one_column_is_told_to_have_another_delimiter(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"it has id;when;who;to;yen; correct the key or `input\.delimiter`"):
        mapped(csv_of(tmp_path, heading=HEADING.replace(",", ";")), mapping_of(tmp_path))


def test_what_is_missing_leaves_its_features_out(tmp_path: Path) -> None:
    left_out = mapping_of(tmp_path).left_out()
    assert {"wallet_unverified"} == set(left_out["field `wallet_verified`"])
    assert "link_failed" in left_out["link events"]
    assert not any("times" in missing for missing in left_out)


@pytest.mark.parametrize(
    ("spec", "coarse"),
    [
        ('format = "%Y-%m-%d", zone = "Asia/Tokyo"', "day"),
        ('format = "%Y-%m-%d %H", zone = "Asia/Tokyo"', "hour"),
        ('unit = "h"', "hour"),
        ('format = "%Y-%m-%d %H:%M", zone = "Asia/Tokyo"', "minute"),
        ('unit = "s", precision = "day"', "day"),
    ],
)
def test_coarse_times_leave_out_what_is_finer(tmp_path: Path, spec: str, coarse: str) -> None:
    text = changed('format = "%Y-%m-%d %H:%M:%S", zone = "Asia/Tokyo"', spec)
    assert f"times finer than the {coarse}" in mapping_of(tmp_path, text).left_out()


@pytest.mark.parametrize("example", EXAMPLES, ids=[Path(example).stem for example in EXAMPLES])
def test_the_examples_are_mappings_that_leave_something_to_look_at(example: str) -> None:
    mapping = read_mapping(Path(example))
    assert ("debit",) == mapping.kinds
    assert mapping.labels is not None
    seen = set(SOURCE_CHAIN.feature_names) - set(mapping.left_out_features())
    assert "amount_yen" in seen


def test_everything_that_is_wrong_with_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    text = changed('"paypay"', '"Pay Pay"').replace('"0005"', '"5"').replace('{ column = "yen" }', "{ }")
    with pytest.raises(UserError) as raised:
        mapping_of(
            tmp_path, '[input]\nencoding = "utf-88"\n' + text + '[labels]\nfraud = { a = "1" }\ncase_hours = 0\n'
        )
    told = str(raised.value).splitlines()
    keys = ["input.encoding", "fields.service", "fields.bank", "fields.amount_yen", "labels.case_hours"]
    assert keys == [key for line in told for key in keys if f"`{key}" in line]
    assert len(keys) == len(told)


def test_all_columns_that_a_file_does_not_have_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        mapped(csv_of(tmp_path, heading="id,when,a,b,c"), mapping_of(tmp_path))
    assert ["'to'", "'who'", "'yen'"] == sorted(
        line.split(" has no column ")[1][:5].rstrip(",") for line in str(raised.value).splitlines()
    )
