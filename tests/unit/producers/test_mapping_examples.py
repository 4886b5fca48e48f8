"""The examples read rows in the layouts of public data sets; the rows are made up here."""

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pytest
from support.own_files import KEY, mapped

from producers.mapping.labels import read_labels
from producers.mapping.specification import read_mapping


class Example(NamedTuple):
    """A file in the layout of an example, its events as (second, yen, result, purpose), and its cases' typologies."""

    name: str
    text: str
    events: list[tuple[int, int, str, str]]
    typologies: list[str]


_SPARKOV = "cc_num|profile|trans_num|trans_date|trans_time|unix_time|category|amt|is_fraud|merchant"
_HANDBOOK = "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_TIME_SECONDS,TX_FRAUD,TX_FRAUD_SCENARIO"
_PIX = "transaction_id,timestamp,customer_id,device_id,tipo,valor,status,motivo_recusa,is_fraud,fraud_type"
_PAYSIM = "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud"
HOUR = 3600
EXAMPLES = (
    Example(
        "paysim",
        f"{_PAYSIM},isFlaggedFraud\n"
        "0,CASH_IN,90.5,C1,0,90.5,C9,0,0,0,0\n"
        "0,PAYMENT,20.5,C1,90.5,70,M1,0,0,0,0\n"
        "2,TRANSFER,70,C1,70,0,C2,0,70,1,0\n",
        [(0, 21, "ok", "payment"), (2 * HOUR, 70, "ok", "charge")],
        ["fraud"],
    ),
    Example(
        "paysim2",
        "0,CASH_IN,90.50,41,0.00,90.50,34-1,0,0,0,0,0,0\n"
        "0,PAYMENT,20.50,41,90.50,70.00,34-1,0,0,1,0,0,1\n"
        "2,TRANSFER,70.00,41,70.00,0.00,42,0,70.00,1,0,0,1\n"
        "3,TRANSFER,99.00,43,5.00,5.00,42,0,70.00,0,0,1,0\n"
        "40,CASH_OUT,9.00,41,10.00,1.00,34-2,0,0,1,0,0,0\n",
        [
            (0, 21, "ok", "payment"),
            (2 * HOUR, 70, "ok", "charge"),
            (3 * HOUR, 99, "insufficient", "charge"),
            (40 * HOUR, 9, "ok", "charge"),
        ],
        ["fraud", "fraud"],  # 38 hours between them
    ),
    Example(
        "handbook",
        f"{_HANDBOOK}\n"
        "2,2020-01-01 10:00:00,7,3,20.00,36000,1,3\n"
        "1,2020-01-01 09:00:00,7,3,0.00,32400,0,0\n"
        "0,2020-01-01 00:00:00,8,4,2.35,0,1,2\n",
        [(0, 306, "ok", "payment"), (10 * HOUR, 2600, "ok", "payment")],
        ["2", "3"],
    ),
    Example(
        "sparkov",
        f"{_SPARKOV}\n"
        "4100|a.json|t2|2020-01-02|01:00:00|1577926800|misc_net|10.00|1|fraud_Ito\n"
        "4100|a.json|t1|2020-01-01|22:00:00|1577916000|misc_net|20.01|1|fraud_Ito\n"
        "4200|a.json|t3|2020-01-01|00:00:00|1577836800|misc_net|1.00|0|fraud_Mori\n",
        [(0, 150, "ok", "payment"), (22 * HOUR, 3002, "ok", "payment"), (25 * HOUR, 1500, "ok", "payment")],
        ["fraud"],
    ),
    Example(
        "pix",
        f"{_PIX}\n"
        "x3,2020-01-01T03:00:00.25,K1,D1,PIX,9.00,RECUSADA,SALDO_INSUFICIENTE,False,\n"
        "x1,2020-01-01T00:00:00,K1,D1,PIX,1.00,APROVADA,,False,\n"
        "x2,2020-01-01T01:00:00,K1,D2,CARTAO_CREDITO,10.00,BLOQUEADA,,True,CARTAO_CLONADO\n"
        "x4,2020-01-01T04:00:00,K2,D3,TED,2.00,PENDENTE,,True,PHISHING\n",
        [
            (0, 30, "ok", "payment"),
            (HOUR, 300, "refused", "payment"),
            (3 * HOUR, 270, "insufficient", "payment"),
            (4 * HOUR, 60, "ok", "payment"),
        ],
        ["CARTAO_CLONADO", "PHISHING"],
    ),
)
MIDNIGHT_MS = 1_577_804_400_000  # 1 January 2020 in Japan


@pytest.mark.parametrize("one", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_an_example_reads_rows_of_its_layout(tmp_path: Path, one: Example) -> None:
    mapping = read_mapping(Path(str(files("producers.mapping") / "examples" / f"{one.name}.toml")))
    path = tmp_path / "own.csv"
    path.write_text(one.text)
    events = mapped(path, mapping)
    events["second"] = (events["occurred_at_ms"] - MIDNIGHT_MS) // 1000
    found = events[["second", "amount_yen", "result", "purpose"]].itertuples(index=False, name=None)
    assert one.events == list(found)
    labels = read_labels(path, mapping, KEY)
    assert set(labels["event_id"]) <= set(events["event_id"])
    assert one.typologies == sorted(labels.drop_duplicates("case_id")["typology"])


def test_every_example_but_the_one_of_whole_columns_has_such_rows() -> None:
    names = {file.name.removesuffix(".toml") for file in (files("producers.mapping") / "examples").iterdir()}
    assert names == {"creditcard", *(example.name for example in EXAMPLES)}
