"""Fraud flags become cases: by account and time, or as the file names them."""

from pathlib import Path

import pytest
from support.own_files import DEBITS, HEADING, KEY, csv_of, mapped, mapping_of

from detector.errors import UserError
from models.backtest.labels import labels_of
from producers.mapping.labels import read_labels

ROWS = (
    "a,2020-09-01 00:00:00,Sato,w1,100,1,",
    "b,2020-09-01 01:00:00,Ito,w1,100,1,x",
    "c,2020-09-01 20:00:00,Sato,w2,100,1,",
    "d,2020-09-01 21:00:00,Mori,w2,100,0,",
    "e,2020-09-02 19:00:00,Sato,w2,100,1,x",  # 23 hours after the last
    "f,2020-09-03 20:00:00,Sato,w2,100,1,",  # 25 hours after it
)


def cases(folder: Path, rules: str) -> dict[str, str]:
    mapping = mapping_of(folder, f'{DEBITS}\n[labels]\nfraud = {{ fraud = "1" }}\n{rules}')
    frame = read_labels(csv_of(folder, *ROWS, heading=f"{HEADING},fraud,case"), mapping, KEY)
    assert {"event_id", "case_id", "typology", "stage"} == set(frame.columns)
    return dict(zip(frame["event_id"], frame["case_id"], strict=True))


@pytest.mark.parametrize(
    ("rules", "together"),
    [
        ("", {"ace", "b", "f"}),
        ("case_hours = 48", {"acef", "b"}),
        ("case_hours = 1", {"a", "b", "c", "e", "f"}),
        ('by = "wallet"', {"ab", "ce", "f"}),
        ('case = "case"', {"be", "a", "c", "f"}),
    ],
)
def test_frauds_are_one_case_by_the_rules(tmp_path: Path, rules: str, together: set[str]) -> None:
    found: dict[str, str] = {}
    for event, case in cases(tmp_path, rules).items():
        found[case] = found.get(case, "") + event
    assert together == set(found.values())


def test_labels_have_the_ids_of_the_events(tmp_path: Path) -> None:
    text = DEBITS.replace('{ column = "id" }', '{ missing = "row" }') + '\n[labels]\nfraud = { fraud = "1" }\n'
    mapping, path = mapping_of(tmp_path, text), csv_of(tmp_path, *ROWS, heading=f"{HEADING},fraud,case")
    events = mapped(path, mapping)
    assert [*events.event_id[:3], *events.event_id[4:]] == list(read_labels(path, mapping, KEY)["event_id"])


def test_a_case_is_of_the_typology_that_its_first_row_names(tmp_path: Path) -> None:
    rules = '[labels]\nfraud = { fraud = "1" }\ntypology_column = "case"\ntypology = "unnamed"\n'
    frame = read_labels(
        csv_of(tmp_path, *ROWS, heading=f"{HEADING},fraud,case"), mapping_of(tmp_path, f"{DEBITS}\n{rules}"), KEY
    )
    labels, case_of = labels_of(frame), dict(zip(frame["event_id"], frame["case_id"], strict=True))
    of_case = dict(zip(labels.case_ids, labels.typologies, strict=True))
    assert {"a": "unnamed", "b": "x", "e": "unnamed", "f": "unnamed"} == {one: of_case[case_of[one]] for one in "abef"}


def test_a_file_without_fraud_and_a_mapping_without_labels_are_refused(tmp_path: Path) -> None:
    path = csv_of(tmp_path, ROWS[3], heading=f"{HEADING},fraud,case")
    with pytest.raises(UserError, match="no event has 1 in column 'fraud'"):
        read_labels(path, mapping_of(tmp_path, f'{DEBITS}\n[labels]\nfraud = {{ fraud = "1" }}\n'), KEY)
    with pytest.raises(UserError, match=r"no \[labels\]"):
        read_labels(path, mapping_of(tmp_path), KEY)
