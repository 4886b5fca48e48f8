"""What the columns of a foreign file may be, by their names and by what stands in them; all guesses."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from producers.mapping.amounts import floats
from producers.mapping.japanese import local_times, plain_amounts
from producers.mapping.layout import Layout
from producers.mapping.specification import Mapping
from producers.mapping.times import OFFSET

#: Share of the texts of a column that must fit what its name says.
FIT = 0.9
#: More different words than this are no vocabulary.
MOST_WORDS = 40
_CLOCK = r"(午前|午後)?\d{1,2}[:時]\d{1,2}([:分]\d{1,2}(\.\d+)?秒?)?分?|\d{4}|\d{6}"

#: Forms of time that need no zone, and how a mapping asks for them. Numbers since 1970: of the years 2001 to 2033.
FORMS = (
    (r"^1\d{9}(\.\d+)?$", 'unit = "s"'),
    (r"^1\d{12}$", 'unit = "ms"'),
    (rf"^\d{{4}}-?\d{{2}}-?\d{{2}}{OFFSET}", 'format = "iso8601"'),
)


class Role(NamedTuple):
    """What a column may be: `names` as patterns, the best first; `fits`: whether so many of its texts (a share) do."""

    name: str
    names: tuple[str, ...]
    fits: Callable[[Sequence[str]], float]


def _all(_: Sequence[str]) -> float:
    return 1.0


def _matching(pattern: str) -> Callable[[Sequence[str]], float]:
    compiled = re.compile(pattern)
    return lambda texts: sum(compiled.fullmatch(normal(text)) is not None for text in texts) / max(1, len(texts))


def _words(texts: Sequence[str]) -> float:
    return float(len({*texts}) <= MOST_WORDS)


def _times(texts: Sequence[str]) -> float:
    if form_of(texts) is not None:
        return FIT
    return float(local_times(pa.array(texts, pa.string()))[1].mean()) if texts else 0.0


def form_of(texts: Sequence[str]) -> str | None:
    """How such times that need no zone are read, as in a mapping; None where they are others, or none."""
    shares = ((sum(re.search(form, text) is not None for text in texts), how) for form, how in FORMS)
    return next((how for share, how in shares if texts and share >= FIT * len(texts)), None)


def _amounts(texts: Sequence[str]) -> float:
    return float(np.mean(floats(plain_amounts(pa.array(texts, pa.string())))[1])) if texts else 0.0


#: In the order in which they choose: a later one gets only columns that no earlier one took.
ROLES = (
    Role(
        "fraud",
        ("不正(フラグ|区分|判定)?", "被害(フラグ|区分|届)?", "事故(フラグ|区分)", r"is_?fraud|fraud(_?flag)?"),
        _words,
    ),
    Role("case", ("事案(番号|id|no)?", "事件番号", r"case(_?id)?"), _all),
    Role("typology", ("手口.*", "(不正)?類型", r"typology|fraud_?type"), _words),
    Role(
        "opened_at",
        (
            r".*(会員|ウォレット|利用者|アカウント).*(登録|開設|作成)(日時?|年月日)",
            r".*(開設|作成)(日時?|年月日)",
            r".*(opened|created)(_?at)?",
        ),
        _times,
    ),
    Role(
        "occurred_at",
        (
            r"(取引|発生|処理|受付|操作)日時",
            r".*日時",
            r"(取引|発生|処理|受付|勘定|操作)(年月)?日(付)?",
            r"(取引|発生|処理)?(年月日|日付)",
            r"(event_?|tran\w*_?|occurred_?)?(timestamp|datetime|date_?time|date)(_?at)?|occurred_?at|when|time",
        ),
        _times,
    ),
    Role("clock", (r"(取引|発生|処理|受付|操作)?(時刻|時間)", r"(event_?|tran\w*_?)?time"), _matching(_CLOCK)),
    Role(
        "event_id",
        (r"(明細|取引|受付|伝票|通)(番号|id|no)", r"通番|連番|整理番号", r"(event|trans\w*|tx)_?(id|num|no)|id"),
        lambda texts: len({*texts}) / max(1, len(texts)),
    ),
    Role("bank", (r"(銀行|金融機関)(コード|番号)", r"bank(_?code)?"), _matching(r"\d{1,4}")),
    Role(
        "branch",
        (r"店番(号)?|(支店|店舗|取引店|取扱店)(コード|番号)", r"branch(_?(code|no|number))?"),
        _matching(r"\d{1,3}"),
    ),
    Role("account_kind", (r"(預金)?科目(コード)?|預金種[目別]|口座種別", r"account_?(kind|type)"), _words),
    Role(
        "account",
        (r"(預金)?口座番号", r"口座(id|キー|ハッシュ)?", r"account(_?(id|no|number))?|customer_?id|name_?orig"),
        _all,
    ),
    Role(
        "wallet",
        (
            r"(ウォレット|利用者|会員|加入者|契約者|ユーザー?)(番号|id|no)",
            r"ウォレット|利用者|会員",
            r"(wallet|user|member)(_?(id|no))?|name_?dest|merchant(_?id)?|terminal_?id",
        ),
        _all,
    ),
    Role("verified", (r"本人確認(済|状況|区分|フラグ|済フラグ)?", r"(wallet_?)?verified|ekyc"), _words),
    Role(
        "source",
        (
            r"(接続元|送信元)?(ip)?アドレス",
            r"接続元(ip)?|端末(id|番号|識別子)?|ip",
            r"source|ip(_?addr(ess)?)?|device(_?id)?",
        ),
        _all,
    ),
    Role("auth", (r"(本人)?認証(方式|方法|手段|区分)", r"auth(_?method)?"), _words),
    Role("result", (r"(処理)?結果(コード|区分)?", r"応答(コード)?|ステータス|エラーコード", r"result|status"), _words),
    Role(
        "amount", (r"(取引|出金|引落|振替|支払|お?引出し?)金?額", r".*金額", r"amount(_?yen)?|yen|amt|valor"), _amounts
    ),
    Role(
        "service",
        (r"(委託者|収納企業|収納機関|サービス|事業者|決済事業者)名?(カナ|\(カナ\))?", r"摘要", r"service|provider"),
        _words,
    ),
    Role("kind", (r"(取引|処理)(区分|種別|種類|内容)", r"(イベント)?(区分|種別)", r"kind|type|event(_?type)?"), _words),
    Role("purpose", (r"(利用)?(用途|目的|区分)", r"purpose"), _words),
)


def roles_of(layout: Layout) -> dict[str, str]:
    """By role, the column of a file that is best for it; roles without any are not there."""
    names = {column: normal(column) for column in layout.columns}
    found: dict[str, str] = {}
    for role in ROLES:
        ranked = [
            (rank, column)
            for column in layout.columns
            if column not in found.values()
            for rank, pattern in enumerate(role.names)
            if re.fullmatch(pattern, names[column])
        ]
        for _, column in sorted(ranked, key=lambda pair: pair[0]):
            if role.fits(layout.texts(column)) >= FIT:
                found[role.name] = column
                break
    return found


def hints(mapping: Mapping, columns: Sequence[str]) -> list[str]:
    """What a mapping may have forgotten: columns that tell accounts apart and are not read."""
    apart = [role for role in ROLES if role.name in {"branch", "account_kind", "bank"}]
    read = set(mapping.columns)
    named = (
        column for column in columns if any(re.fullmatch(name, normal(column)) for role in apart for name in role.names)
    )
    accounts = [events.fields["account"] for events in mapping.events if "account" in events.fields]
    if all(field.column is None or field.hash == "none" for field in accounts):
        return []
    return [
        f"column {column!r} is not read: accounts that differ only in it are one account; give it to `account`"
        for column in named
        if column not in read
    ]


def normal(text: str) -> str:
    """A name or word as it is compared: in its usual width, in lower case, without spaces and brackets' pairs."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())
