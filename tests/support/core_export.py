"""An export as a bank's core system writes it, made of simulated events: CP932, eras, ▲, wide digits, kana, titles.

About a million rows, in normal.csv and autumn.csv:  python tests/support/core_export.py FOLDER --accounts 100000
"""

import argparse
import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from detector.jst import JST
from producers import simulation
from producers.scenarios import SCENARIOS, Scenario

TITLES = ("口座振替サービス　取引明細表", "作成日　令和２年１１月２日　こざもり銀行　事務集中部")
COLUMNS = (
    "取引日,取引時刻,明細番号,銀行コード,店番,科目,口座番号,口座名義（カナ）,委託者名,取引区分,処理結果,取引金額,"
    "ウォレット番号,ウォレット開設日時,本人確認,認証方式,接続元ＩＰアドレス,不正フラグ,事案番号"
)
WIDE = str.maketrans("0123456789,", "０１２３４５６７８９，")
NAMES = ("ﾔﾏﾀﾞ ﾀﾛｳ", "ｻﾄｳ ﾊﾅｺ", "ｶ)ｺｻﾞﾓﾘｼﾖｳｼﾞ", "ｲﾄｳ ｼﾞﾛｳ", "ﾓﾘ ﾕｷ")
SERVICES = {
    "docomo_account": "ﾄﾞｺﾓｺｳｻﾞ",
    "d_payment": "ﾃﾞｨｰﾊﾞﾗｲ",
    "paypay": "ﾍﾟｲﾍﾟｲ",
    "kyash": "Ｋｙａｓｈ",
    "merpay": "ﾒﾙﾍﾟｲ",
    "linepay": "ＬＩＮＥ Ｐａｙ",
    "paypal": "ＰａｙＰａｌ",
    "other": "ｿﾉﾀﾍﾟｲ",
}
KINDS = {"link": "口座登録", "unlink": "登録解除", "debit": "チャージ"}
RESULTS = {
    "ok": "正常",
    "wrong_credentials": "暗証番号相違",
    "locked": "口座ロック",
    "insufficient": "残高不足",
    "over_cap": "限度額超過",
    "refused": "取引拒否",
}
AUTHS = {"pin4": "暗証番号", "otp": "ワンタイム", "ekyc": "本人確認書類"}
HALF, LEAD = "\x1a", b"\x81"  # a place holder; the first byte of a character whose second is lost
REFUND_EVERY = 1000


def write_export(path: Path, scenario: Scenario) -> dict[str, int]:
    """Write the account events of a scenario; returns how many rows, events and oddities are in it."""
    counts = {"rows": 0, "events": 0, "of no event": 0, "bad": 0, "marred": 0, "frauds": 0}
    with path.open("wb") as file:
        file.write("\r\n".join([*TITLES, COLUMNS, ""]).encode("cp932"))
        for table, labels in simulation.tables(replace(scenario, wallet_events=False)):
            cases = dict(zip(labels["event_id"].to_pylist(), labels["case_id"].to_pylist(), strict=True))
            for row in _rows(table):
                cells = _cells(row, cases.get(row["event_id"], ""))
                counts["frauds"] += row["event_id"] in cases
                if counts["events"] == 20:  # a name of which a byte is lost: nobody reads it
                    cells[7] += HALF
                    counts["marred"] += 1
                file.write(_line(cells))
                counts["events"] += 1
                if row["kind"] == "debit" and counts["events"] % REFUND_EVERY == 7:
                    file.write(_line([*cells[:2], f"R{cells[2]}", *cells[3:9], "チャージ取消", *cells[10:]]))
                    counts["of no event"] += 1
        broken = list(cells)
        broken[2], broken[6] = "X1", f"１２３{HALF}４５"  # an account of which a byte is lost
        backwards = [*cells[:2], "X2", *cells[3:]]
        backwards[0] = "令和2年13月1日"  # there is no such month
        file.writelines([_line(broken), _line(backwards), "合計\r\n".encode("cp932")])
        counts["bad"] += 3
    counts["rows"] = counts["events"] + counts["of no event"] + counts["bad"]
    return counts


def scenarios(accounts: int, cases: int = 120) -> dict[str, Scenario]:
    """Normal days to learn from, and days of the same people with fraud among them."""
    return {
        "normal": replace(SCENARIOS["normal"], accounts=accounts),
        "autumn": replace(SCENARIOS["random"], accounts=accounts, cases=cases, days=31),
    }


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for piece in table.to_batches(16_384):
        yield from piece.to_pylist()


def _cells(row: dict[str, Any], case: str) -> list[str]:
    number = int(row["account"], 16)
    at, opened = (
        dt.datetime.fromtimestamp(row[name] / 1000, JST) for name in ("occurred_at_ms", "wallet_opened_at_ms")
    )
    day, hour = (
        (at - dt.timedelta(days=1), at.hour + 24) if at.hour < 1 else (at, at.hour)
    )  # a business day ends at one
    eras = f"令和{day.year - 2018}年{day.month}月{day.day}日", f"R{day.year - 2018:02}.{day.month:02}.{day.day:02}"
    amount = f"▲{row['amount_yen'] or 0:,}".translate(WIDE) + "円" if row["amount_yen"] else ""
    return [
        eras[number % 5 == 0],
        f"{hour:02}:{at:%M:%S}",
        row["event_id"],
        row["bank"],
        f"{number // 10**8 % 1000:03}",
        ("普通預金", "当座")[number % 50 == 0],
        f"{number % 10**7:07}".translate(WIDE) if number % 3 else f"{number % 10**7:07}",
        NAMES[number % len(NAMES)],
        SERVICES[row["service"]],
        KINDS[row["kind"]],
        RESULTS[row["result"]] if row["result"] else "正常",
        amount if number % 2 else amount.replace("▲", "▲￥").removesuffix("円"),
        row["wallet"],
        f"{opened:%Y/%m/%d %H:%M:%S}",
        ("未", "済")[row["wallet_verified"]],
        AUTHS[row["auth"]] if row["auth"] else "",
        row["source"],
        "1" if case else "0",
        case,
    ]


def _line(cells: list[str]) -> bytes:
    return (",".join(cells) + "\r\n").encode("cp932").replace(HALF.encode(), LEAD)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--accounts", type=int, default=100_000)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, scenario in scenarios(given.accounts).items():
        print(name, write_export(given.folder / f"{name}.csv", scenario))


if __name__ == "__main__":
    main()
