"""`kozamori explain`: one alert in full, for the person who has to decide."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.artifact import read_model
from detector.cli.alerts import COLOURS, WORDS, moment_of, text_of
from detector.cli.options import as_json
from detector.contract.alerts import Alert, decode_alert
from detector.core.chains import CHAINS
from detector.core.detector_table import DETECTORS
from detector.core.model import Model
from detector.core.units import UNIT
from detector.errors import UserError
from detector.languages import Language, printable
from producers.banks import BANKS
from producers.typologies.names import named
from producers.typologies.table import BY_ID

BAR_CELLS = 20
LEAST_SHOWN = 0.005  # of a share in percent
BANK_NAMES = {f"{bank.code:04}": bank.name for bank in BANKS}

#: What each line is headed by, and says.
SAYS: Mapping[str, Mapping[Language, str]] = {
    "bank": {"en": "bank", "ja": "銀行"},
    "account": {"en": "account", "ja": "口座"},
    "wallet": {"en": "wallet", "ja": "ウォレット"},
    "passbook": {"en": "passbook", "ja": "通帳の表示"},
    "money": {"en": "money", "ja": "金額"},
    "case": {"en": "case", "ja": "事案"},
    "detector": {"en": "detector", "ja": "検知器"},
    "rate": {"en": "how rare", "ja": "珍しさ"},
    "typologies": {"en": "looks like", "ja": "類似の手口"},
    "reasons": {"en": "reasons", "ja": "理由"},
    "others": {"en": "all other features", "ja": "そのほかの項目の合計"},
    "otherwise": {"en": "otherwise", "ja": "検知の境目"},
    "model": {"en": "model", "ja": "モデル"},
    "link": {"en": "link attempt", "ja": "口座登録"},
    "debit": {"en": "debit of {0:,} yen", "ja": "{0:,}円の引き落とし"},
    "at": {"en": "{0} at {1}", "ja": "{0}（{1}）"},
    "of_case": {"en": "{0}, update {1}", "ja": "{0}、第{1}報"},
    "how_rare": {
        "en": "normal life looks at least this bad {0}, over all banks",
        "ja": "正常な取引でここまで疑わしいものは、全銀行合わせて{0}",
    },
    "together": {
        "en": "all of these at once: in normal life {0}",
        "ja": "以上がすべて重なることは、平常時は{0}",
    },
    "nothing": {
        "en": "no change of the amount or of one reason alone would have kept it from alerting",
        "ja": "金額や理由の一つだけが違っていても検知されました",
    },
    "earlier": {
        "en": "those of the case's first updates: a case that goes on is not explained again",
        "ja": "この事案の最初の更新をご覧ください（以後の更新では省略）",
    },
    "budget": {
        "en": "alerts up to {0:g} false alarms a day; {1:.0%} of them are this detector's",
        "ja": "誤検知は1日{0:g}件まで許容、この検知器の持ち分は{1:.0%}",
    },
}

#: `DetectorSpec.meaning` in Japanese.
MEANINGS_JA: Mapping[str, str] = {
    "attack_trained": "模擬攻撃の最初の取引を正常な取引と見分ける決定木",
    "first_big_charge": "開設直後で本人確認がなく、暗証番号だけで登録されたウォレットへの高額チャージ",
    "drain": "買い物ではありえない速さで続く引き落とし",
    "foreign_account": "ウォレットに別の口座が登録された直後のチャージ",
    "multi_service": "一つの口座から複数のサービスとウォレットへの引き落とし",
    "strange_debit": "この口座で初めての接続元の後の、普段と違う金額の引き落とし",
    "guessing": "口座番号と暗証番号を試すウォレット",
    "forest": "全項目の珍しさを見る孤立フォレスト（名前のない異常）",
}


@click.command(
    epilog="""\b
Examples:
  kozamori explain alert.json
  kozamori explain alerts.jsonl --id account+wallet-account-events-3-42 --lang ja
  kozamori alerts --limit 1 --json | kozamori explain -
  kozamori explain alert.json --model model --json

ALERT holds one alert as JSON, or one a line as `kozamori alerts --json` prints them; - reads standard input.
"""
)
@click.argument("alert", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--id", "alert_id", metavar="ID", help="Of several alerts, the one with this alert_id.")
@click.option(
    "--model",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of the model that raised the alert: also show its budget, and refuse an alert of another.",
)
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language of the text.")
@as_json
def explain(alert: Path, *, alert_id: str | None, folder: Path | None, lang: Language, as_json: bool) -> None:
    """Explain an alert: who, what, when, the money, every reason, and what would not have alerted."""
    found = chosen(_read(alert), alert_id, str(alert))
    model = None if folder is None else _model_of(found, folder)
    if as_json:
        click.echo(msgspec.json.encode(as_object(found, model)))
    else:
        Console(soft_wrap=True, highlight=False).print(page(found, lang, model))


def chosen(content: bytes, alert_id: str | None, where: str) -> Alert:
    """The alert in a file's bytes: the only one, or that with the id. Raises UserError where there is none such."""
    alerts = _decoded(content, where)
    wanted = [alert for alert in alerts if alert_id in (None, alert.alert_id)]
    if not wanted:
        raise UserError(f"{where}: none of {len(alerts)} alerts has the id {alert_id}: look at their alert_id")
    if alert_id is None and len(wanted) > 1:
        raise UserError(f"{where}: {len(wanted)} alerts: say which with --id, such as --id {wanted[0].alert_id}")
    return wanted[-1]


def _read(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): give a file with an alert, or -") from error


def _decoded(content: bytes, where: str) -> list[Alert]:
    """One alert over any number of lines, or one in each line."""
    try:
        return [decode_alert(content)]
    except msgspec.DecodeError as whole:
        lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
        if len(lines) < 2:
            raise UserError(f"{where}: no alert ({whole}): give one as `kozamori alerts --json` prints it") from whole
    alerts = []
    for number, line in lines:
        try:
            alerts.append(decode_alert(line))
        except msgspec.DecodeError as error:
            raise UserError(f"{where}, line {number}: no alert ({error}): give one JSON object a line") from error
    return alerts


def _model_of(alert: Alert, folder: Path) -> Model:
    model = read_model(folder, *CHAINS)
    if model.sha256 != alert.model.sha256:
        raise UserError(
            f"{folder}: holds model {model.version}, the alert was raised by {alert.model.version}"
            f" (SHA-256 {alert.model.sha256[:12]}…): give that model's folder, or leave --model out"
        )
    return model


def as_object(alert: Alert, model: Model | None) -> dict[str, Any]:
    """The explanation as JSON values: the alert, and the meaning of its codes."""
    shown = {
        "alert": alert,
        "bank_name": BANK_NAMES.get(alert.bank, ""),
        "occurred_at_jst": moment_of(alert).isoformat(),
        "detector_meaning": {"en": _meaning(alert.detector, "en"), "ja": _meaning(alert.detector, "ja")},
        "false_alarms": {lang: _often(alert.false_alarms_per_day, lang) for lang in ("en", "ja")},
        "typologies": {name: BY_ID[name].name if name in BY_ID else "" for name in alert.typologies},
    }
    if model is not None:
        shown["budget"] = {"false_alarms_per_day": _limit(alert, model), "share": _share(alert, model)}
    return shown


def page(alert: Alert, lang: Language, model: Model | None = None) -> Table:
    """The alert for people."""

    def say(what: str, *values: object) -> str:
        return printable(SAYS[what][lang].format(*values))

    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")

    def row(what: str, text: str | Text) -> None:
        table.add_row(SAYS[what][lang] if what else "", printable(text) if isinstance(text, str) else text)

    what = say(alert.kind, alert.amount_yen) if alert.kind in SAYS else alert.kind
    severity = Text(f" {WORDS[alert.severity][lang]} ", COLOURS[alert.severity])
    table.add_row(severity, Text(f"{moment_of(alert):%Y-%m-%d %H:%M:%S} JST  {printable(what)}", "bold"))
    row("bank", f"{alert.bank} {BANK_NAMES.get(alert.bank, '')}")
    row("account", alert.account)
    row("wallet", say("at", alert.wallet, alert.service))
    if alert.passbook_text:
        row("passbook", alert.passbook_text)
    row("money", WORDS["yen"][lang].format(alert.yen_debited, alert.yen_at_risk))
    if alert.case_id:
        row("case", say("of_case", alert.case_id, alert.update))
    row("detector", f"{alert.detector}: {_meaning(alert.detector, lang)}".removesuffix(": "))
    if model is not None:
        row("", say("budget", _limit(alert, model), _share(alert, model)))
    row("rate", say("how_rare", _often(alert.false_alarms_per_day, lang)))
    if alert.typologies:
        row("typologies", "; ".join(named(name, lang) for name in alert.typologies))
    for what, text in _why(alert, lang):
        row(what, text)
    row("model", f"{alert.model.version} (SHA-256 {alert.model.sha256[:12]})")
    return table


def _why(alert: Alert, lang: Language) -> Iterator[tuple[str, Text]]:
    """Reasons and what would not have alerted, as rows."""
    if not alert.reasons:
        yield "reasons", Text(SAYS["earlier"][lang])
        return
    for index, reason in enumerate(alert.reasons):
        yield "" if index else "reasons", Text.assemble(_bar(reason.share), text_of(reason, lang))
    others = 1 - sum(reason.share for reason in alert.reasons)
    if others >= LEAST_SHOWN:
        yield "", Text.assemble(_bar(others), (SAYS["others"][lang], "dim"))
    if alert.together_per_day is not None:
        yield "", Text(SAYS["together"][lang].format(_often(alert.together_per_day, lang)))
    change = alert.counterfactual
    yield "otherwise", Text(text_of(change, lang) if change else SAYS["nothing"][lang])


def _bar(share: float) -> Text:
    full = round(share * BAR_CELLS)
    return Text.assemble(("█" * full, "red"), ("░" * (BAR_CELLS - full), "dim"), f" {share:4.0%}  ")


def _often(per_day: float, lang: str) -> str:
    unit = UNIT["per_day"]
    return unit.ja(per_day) if lang == "ja" else unit.en(per_day)


def _meaning(detector: str, lang: str) -> str:
    """What a detector looks for; "" for one that this release does not have."""
    meanings = MEANINGS_JA if lang == "ja" else {spec.name: spec.meaning for spec in DETECTORS}
    return meanings.get(detector, "")


def _limit(alert: Alert, model: Model) -> float:
    """The greatest alarm that alerts at the alert's bank: the budget, or the limit of the bank's own one."""
    return float(model.limits[int(alert.bank) if alert.bank else -1])


def _share(alert: Alert, model: Model) -> float:
    """The part of the budget that the alert's detector may spend."""
    return next(detector.spec.share for detector in model.detectors if detector.name == alert.detector)
