"""`kozamori explain`: one alert in full, and the ways it refuses."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.alerts import make_alert
from support.histories import TTL_MS, history

from detector.artifact import write_model
from detector.cli.explain import MEANINGS_JA, explain
from detector.cli.main import run
from detector.contract.alerts import Alert, Counterfactual, ModelRef, Reason, encode_alert
from detector.core.chains import WALLET_CHAIN
from detector.core.detector_table import DETECTORS
from models.datasets import collect
from models.training import Plan, train

ALERT = make_alert(
    7,
    detector="drain",
    reasons=[
        Reason("debits_1m", 3.0, 1.0, 0.6, "debits within a minute: 3", "1分間に3回の引き落とし", None, 0.5),
        Reason("wallet_age_s", 600.0, None, 0.4, "wallet opened 10 minutes ago", "開設から10分のウォレット"),
    ],
    together_per_day=0.1,
    counterfactual=Counterfactual("amount_yen", 38_000, "would not have alerted at 38,000 yen or less", "38,000円以下"),
)

ENGLISH = """\
 CRITICAL   2020-09-01 14:05:06 JST  debit of 90,000 yen
bank        0116 Hokkaido
account     00112233445566778899aabbccddeeff
wallet      w-1 at docomo_account
passbook    ドコモコウザ
money       190,000 yen debited, 110,000 yen at risk
case        account-account-events-0-7, update 0
detector    drain: debit upon debit, faster than people shop
how rare    normal life looks at least this bad once in 4 days, over all banks
looks like  T1 ghost wallet, drain to cap
reasons     ████████████░░░░░░░░  60%  debits within a minute: 3
            ████████░░░░░░░░░░░░  40%  wallet opened 10 minutes ago
            all of these at once: in normal life once in 10 days
otherwise   would not have alerted at 38,000 yen or less
model       1 (SHA-256 00)
"""

JAPANESE = """\
 最重要     2020-09-01 14:05:06 JST  90,000円の引き落とし
銀行        0116 Hokkaido
口座        00112233445566778899aabbccddeeff
ウォレット  w-1（docomo_account）
通帳の表示  ドコモコウザ
金額        引き落とし済み 190,000円、さらに引き落とされるおそれ 110,000円
事案        account-account-events-0-7、第0報
検知器      drain: 買い物ではありえない速さで続く引き落とし
珍しさ      正常な取引でここまで疑わしいものは、全銀行合わせて4日に1件
類似の手口  T1 幽霊ウォレット、上限まで引き出し
理由        ████████████░░░░░░░░  60%  1分間に3回の引き落とし
            ████████░░░░░░░░░░░░  40%  開設から10分のウォレット
            以上がすべて重なることは、平常時は10日に1件
検知の境目  38,000円以下
モデル      1 (SHA-256 00)
"""


def told(*options: object, stdin: bytes = b"") -> str:
    result = CliRunner().invoke(explain, [str(option) for option in options], input=stdin, catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    return "".join(f"{line.rstrip()}\n" for line in result.output.splitlines())


def written(folder: Path, *alerts: Alert) -> Path:
    path = folder / "alerts.jsonl"
    path.write_bytes(b"\n".join(encode_alert(alert) for alert in alerts))
    return path


@pytest.mark.parametrize(("lang", "expected"), [("en", ENGLISH), ("ja", JAPANESE)])
def test_an_alert_is_told_in_full_in_both_languages(lang: str, expected: str, tmp_path: Path) -> None:
    assert expected == told(written(tmp_path, ALERT), "--lang", lang)


def test_it_reads_standard_input_and_json_over_many_lines() -> None:
    pretty = json.dumps(json.loads(encode_alert(ALERT)), indent=2).encode()
    assert ENGLISH == told("-", stdin=pretty) == told("-", stdin=encode_alert(ALERT) + b"\n")


def test_of_several_alerts_the_one_with_the_id_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, make_alert(6), ALERT, make_alert(8))
    assert ENGLISH == told(path, "--id", ALERT.alert_id)


def test_what_is_not_known_is_left_out_or_said_to_be_so(tmp_path: Path) -> None:
    alert = make_alert(7, detector="of_another_release", passbook_text="", typologies=["T99"], kind="link", case_id="")
    text = told(written(tmp_path, alert))
    assert "JST  link attempt\n" in text
    assert "detector    of_another_release\n" in text
    assert "looks like  T99\n" in text
    assert "passbook" not in text
    assert "update" not in text
    assert "otherwise   no change of the amount or of one reason alone would" in text


def test_what_no_reason_tells_of_is_shown_as_the_rest(tmp_path: Path) -> None:
    alert = make_alert(7, reasons=[ALERT.reasons[1]])
    assert "████████████░░░░░░░░  60%  all other features\n" in told(written(tmp_path, alert))


def test_an_alert_without_reasons_says_where_they_are(tmp_path: Path) -> None:
    shown = told(written(tmp_path, make_alert(7, reasons=[], counterfactual=None)))
    assert "those of the case's first updates" in shown
    assert "all other features" not in shown
    assert "would have kept it" not in shown


def test_control_characters_never_reach_the_terminal(tmp_path: Path) -> None:
    alert = make_alert(7, account="\x1b[2J\x07", detector="\x9b1m", kind="\x1b[1m")
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in told(written(tmp_path, alert)))


def test_a_program_gets_one_object_with_the_alert_and_what_its_codes_mean(tmp_path: Path) -> None:
    got = json.loads(told(written(tmp_path, ALERT), "--json"))
    assert json.loads(encode_alert(ALERT)) == got["alert"]
    assert ("Hokkaido", "2020-09-01T14:05:06+09:00") == (got["bank_name"], got["occurred_at_jst"])
    assert {"en": "once in 4 days", "ja": "4日に1件"} == got["false_alarms"]
    assert {"T1": "ghost wallet, drain to cap"} == got["typologies"]
    assert MEANINGS_JA["drain"] == got["detector_meaning"]["ja"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelRef]:
    """A model folder, and how alerts name it."""
    folder = tmp_path_factory.mktemp("models") / "model"
    draft = train(
        collect([history()], WALLET_CHAIN, TTL_MS), WALLET_CHAIN, Plan(30, trees=5, bank_budgets={"0116": 12}), "0" * 64
    )
    written_model = write_model(folder, draft)
    return folder, ModelRef(written_model.version, written_model.sha256)


def test_a_model_tells_its_budget_and_the_detectors_part_of_it(model: tuple[Path, ModelRef], tmp_path: Path) -> None:
    folder, named = model
    for bank, limit in (("0001", 30), ("0116", 12)):
        path = written(tmp_path, make_alert(7, bank=bank, detector="forest", model=named))
        said = f"alerts up to {limit} false alarms a day; 50% of them are this detector's"
        assert said in told(path, "--model", folder)
        got = json.loads(told(path, "--model", folder, "--json"))
        assert limit == got["budget"]["false_alarms_per_day"]
        assert 0.5 == pytest.approx(got["budget"]["share"])


@pytest.mark.parametrize(
    ("content", "options", "line"),
    [
        (None, [], "alerts.jsonl: cannot be read (No such file or directory)"),
        (b"", [], "alerts.jsonl: no alert"),
        (b"{}", [], "alerts.jsonl: no alert (Object missing required field"),
        (encode_alert(ALERT) + b"\n{}", [], "alerts.jsonl, line 2: no alert"),
        (encode_alert(ALERT) + b"\n" + encode_alert(make_alert(8)), [], "2 alerts: say which with --id"),
        (encode_alert(ALERT), ["--id", "x"], "none of 1 alerts has the id x"),
        (encode_alert(ALERT), ["--model", "nowhere"], "nowhere: no such model folder"),
        (encode_alert(ALERT), ["--lang", "fr"], "Invalid value for '--lang'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    content: bytes | None, options: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "alerts.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert 2 == run(explain, [str(path), *options])
    errors = capsys.readouterr().err.splitlines()
    assert 1 == len(errors)
    assert line in errors[0]


def test_an_alert_of_another_model_is_refused(
    model: tuple[Path, ModelRef], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = model
    assert 2 == run(explain, [str(written(tmp_path, ALERT)), "--model", str(folder)])
    assert "the alert was raised by 1 (SHA-256 00…)" in capsys.readouterr().err


def test_every_detector_has_its_meaning_in_japanese() -> None:
    assert {spec.name for spec in DETECTORS} == set(MEANINGS_JA)
