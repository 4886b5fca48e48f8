"""A first mapping of a foreign file, from guesses; each one says that it is one, for a person to decide."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from producers.mapping import words
from producers.mapping.found import Found, time_of
from producers.mapping.japanese import JAPANESE
from producers.mapping.roles import FIT, normal
from producers.mapping.words import Meaning, meaning

_NO_BANK = "9999"
_RESULTS = {"link": words.LINK_RESULTS, "debit": words.DEBIT_RESULTS}


class Draft(NamedTuple):
    """The text of a mapping; `columns`: what each of the file is taken for; `open`: what a person must decide."""

    text: str
    columns: dict[str, str]
    open: list[str]


def draft(path: Path, found: Found, key_file: str) -> Draft:
    """The mapping that the guesses come to."""
    return _Writer(path, found, key_file).draft()


class _Writer:
    """Writes a mapping line by line, and remembers what is open."""

    def __init__(self, path: Path, found: Found, key_file: str) -> None:
        self.path, self.found, self.key_file = path, found, key_file
        self.open: list[str] = []
        self.roles = found.roles

    def draft(self) -> Draft:
        """The whole."""
        tables = self._events()
        parts = [self._head(), self._fields(), *tables, self._labels()]
        columns = dict.fromkeys(self.found.layout.columns, "")
        columns |= {column: role for role, column in self.roles.items()}
        return Draft("\n".join(part for part in parts if part), columns, self.open)

    def _head(self) -> str:
        how = self.found.layout.input
        lines = [
            f"# How {self.path.name} is read as events: guessed by `kozamori start-here`, for you to correct.",
            f"# `kozamori mapping check {self.path.name} --mapping THIS` tells what comes of it.",
            "",
            "[input]",
            f"encoding = {_text(how.encoding)}",
            f"delimiter = {_text(how.delimiter)}",
        ]
        if how.skip_lines:
            lines.append(f"skip_lines = {how.skip_lines}".ljust(40) + "# titles above the heading")
        if how.columns:
            lines.append(f"columns = [{', '.join(map(_text, how.columns))}]  # the file has no heading: name them")
        if how.normalize:
            lines.append("normalize = true".ljust(40) + "# full-width digits and half-width kana as usual")
        lines += [
            'bad_rows = "aside"'.ljust(40) + "# refuse, skip, or aside: left out, and written to a file",
            "bad_rows_limit = 0.01".ljust(40) + "# more than this share of bad rows: stop",
            "",
            "[hash]".ljust(40) + "# account numbers never leave this machine but as keyed hashes",
            f"key_file = {_text(self.key_file)}".ljust(40) + "# or KOZAMORI_HASH_KEY_FILE; keep it, and keep it secret",
            "",
        ]
        return "\n".join(lines)

    def _fields(self) -> str:
        lines = [
            "[fields]",
            self._event_id(),
            self._time("occurred_at_ms", "occurred_at", "clock"),
            self._service(),
            self._bank(),
            self._account(),
            self._wallet(),
            self._time("wallet_opened_at_ms", "opened_at", None),
            self._words("wallet_verified", "verified", words.VERIFIED, 'missing = "unknown"'),
            self._source(),
            "",
        ]
        return "\n".join(lines)

    def _event_id(self) -> str:
        column = self.roles.get("event_id")
        if column is None:
            return 'event_id = { missing = "row" }'.ljust(40) + "# made of the file's name and the line"
        return f"event_id = {{ column = {_text(column)} }}"

    def _time(self, name: str, role: str, clock_role: str | None) -> str:
        column = self.roles.get(role)
        if column is None:
            if name == "wallet_opened_at_ms":
                return f'{name} = {{ missing = "first_seen" }}'
            self.open.append("no column looks like the time of an event: name it under `occurred_at_ms`")
            return f'{name} = {{ column = "?", {time_of([])[0]} }}'.ljust(40) + "# OPEN: which column?"
        texts = self.found.layout.texts(column)
        clock = self.roles.get(clock_role) if clock_role else None
        if clock:
            at = [self.found.layout.columns.index(each) for each in (column, clock)]
            texts = [" ".join(row[each] for each in at) for row in self.found.layout.rows]
        spec, precision = time_of(texts)
        beside = f", clock = {_text(clock)}" if clock else ""
        coarse = "" if precision == "second" else f', precision = "{precision}"'
        return f"{name} = {{ column = {_text(column)}{beside}, {spec}{coarse} }}"

    def _service(self) -> str:
        if "service" not in self.roles:
            self.open.append('no column looks like the service: `service` is a constant, "other"')
            return 'service = { constant = "other" }'.ljust(40) + "# OPEN: which service do these rows belong to?"
        table, unknown = {}, []
        for word in self.found.words("service"):
            known = words.service(word)
            table[word] = known or "other"
            unknown += [] if known else [word]
        if unknown:
            self.open.append(f'services not known by name are "other": {", ".join(unknown)}')
        return f"service = {{ column = {_text(self.roles['service'])}, values = {_table(table)} }}"

    def _bank(self) -> str:
        if "bank" in self.roles:
            return f"bank = {{ column = {_text(self.roles['bank'])} }}"
        self.open.append(f"no column looks like the bank's code: `bank` is a constant, {_NO_BANK}")
        return f'bank = {{ constant = "{_NO_BANK}" }}'.ljust(40) + "# OPEN: your bank's four digits"

    def _account(self) -> str:
        column = self.roles.get("account")
        if column is None:
            self.open.append("no column looks like the account: each row is an account of its own")
            return 'account = { missing = "row" }'.ljust(40) + "# OPEN: which column?"
        texts = self.found.layout.texts(column)
        hexadecimal = all(re.fullmatch("[0-9a-fA-F]{16,}", text) for text in texts)
        if hexadecimal and any(re.search("[a-fA-F]", text) for text in texts):  # digits alone may be a card's number
            return f'account = {{ column = {_text(column)}, hash = "none" }}'.ljust(40) + "# hashed already"
        digits = sum(re.fullmatch(r"\d{1,14}", normal(text)) is not None for text in texts)
        if digits < FIT * len(texts):
            also = [self.roles[role] for role in ("branch", "account_kind") if role in self.roles]
            beside = f", with = [{', '.join(map(_text, also))}]" if also else ""
            return f'account = {{ column = {_text(column)}, hash = "text"{beside} }}'
        branch, kind = self._part("branch", "000", "branch"), self._part("account_kind", "1", "kind of account")
        return f'account = {{ column = {_text(column)}, hash = "number", branch = {branch}, account_kind = {kind} }}'

    def _part(self, role: str, otherwise: str, said: str) -> str:
        column = self.roles.get(role)
        if column is None:
            self.open.append(f"no column looks like the {said}: accounts that differ only in it are one account")
            return f'{{ constant = "{otherwise}" }}'
        if role == "branch":
            return f"{{ column = {_text(column)} }}"
        table = self._meant(role, words.ACCOUNT_KINDS)
        return f"{{ column = {_text(column)}, values = {_table(table)} }}"

    def _wallet(self) -> str:
        column = self.roles.get("wallet")
        if column is None:
            return (
                'wallet = { missing = "account" }'.ljust(40) + "# no column looks like one: each account is one wallet"
            )
        return f'wallet = {{ column = {_text(column)}, hash = "text" }}'

    def _source(self) -> str:
        column = self.roles.get("source")
        if column is None:
            return 'source = { missing = "unknown" }'
        return f'source = {{ column = {_text(column)}, hash = "text" }}'

    def _words(self, name: str, role: str, meanings: tuple[Meaning, ...], otherwise: str) -> str:
        column = self.roles.get(role)
        if column is None:
            return f"{name} = {{ {otherwise} }}"
        return f"{name} = {{ column = {_text(column)}, values = {_table(self._meant(role, meanings))} }}"

    def _meant(self, role: str, meanings: tuple[Meaning, ...]) -> dict[str, str]:
        """What each word of a column means; those that mean nothing known are open."""
        counts = self.found.words(role)
        table = {word: known for word in counts if (known := meaning(word, meanings)) is not None}
        self._ask(role, [word for word in counts if word not in table])
        return table

    def _ask(self, role: str, unknown: Sequence[str]) -> None:
        """Words of a column that mean nothing known are open."""
        if unknown:
            told = ", ".join(f"{word} ({self.found.words(role)[word]:,})" for word in unknown)
            self.open.append(f"column {self.roles[role]!r}: {told}: not known, such rows are bad rows")

    def _events(self) -> list[str]:
        """A table for each kind of event."""
        column = self.roles.get("kind")
        if column is None:
            self._ask_results(["debit"])
            return [self._one("debit", None, [])]
        kinds: dict[str, list[str]] = {}
        nothing: list[str] = []
        for word, count in self.found.words("kind").items():
            kind = meaning(word, words.KINDS)
            if kind is None or kind == "none":
                nothing.append(f"{word} ({count:,})")
                if kind is None:
                    self.open.append(f"column {column!r}: rows with {word!r} ({count:,}) are taken for no event")
            else:
                kinds.setdefault(kind, []).append(word)
        if not kinds:
            self.open.append(f"column {column!r} names no event that is known: say under `where` which are debits")
            kinds["debit"] = []
        tables = [self._one(kind, column, kinds[kind]) for kind in ("link", "unlink", "debit") if kind in kinds]
        self._ask_results(list(kinds))
        if nothing:
            tables.append(f"# Of no event: {', '.join(nothing)}.\n")
        return tables

    def _one(self, kind: str, column: str | None, values: Sequence[str]) -> str:
        lines = ["[[events]]", f'kind = "{kind}"']
        if column:
            asked = "" if values else "  # OPEN: which words are debits?"
            lines.append(f"where = {{ {_key(column)} = [{', '.join(map(_text, values or ['?']))}] }}{asked}")
        if kind != "unlink":
            lines.append(self._result(kind))
        if kind == "link":
            lines.append(self._words("auth", "auth", words.AUTHS, 'missing = "unknown"'))
        if kind == "debit":
            lines += [self._amount(), self._words("purpose", "purpose", words.PURPOSES, 'constant = "charge"')]
        return "\n".join([*lines, ""])

    def _result(self, kind: str) -> str:
        if "result" not in self.roles:
            self.open.append(f'no column looks like the result of a {kind}: all are taken as done ("ok")')
            return 'result = { constant = "ok" }'.ljust(40) + "# OPEN: does the file have refused ones?"
        table = {word: known for word in self.found.words("result") if (known := meaning(word, _RESULTS[kind]))}
        line = f"result = {{ column = {_text(self.roles['result'])}, values = {_table(table)} }}"
        if unknown := [word for word in self.found.words("result") if word not in table]:
            line += f"  # not known for a {kind}: {', '.join(unknown)}"
        return line

    def _ask_results(self, kinds: Sequence[str]) -> None:
        """Results that none of the kinds knows are open; one that another kind has is no question."""
        if known := [_RESULTS[kind] for kind in kinds if kind in _RESULTS]:
            results = self.found.words("result")
            self._ask("result", [word for word in results if all(meaning(word, one) is None for one in known)])

    def _amount(self) -> str:
        column = self.roles.get("amount")
        if column is None:
            self.open.append("no column looks like the amount: name it under `amount_yen`")
            return 'amount_yen = { column = "?" }'.ljust(40) + "# OPEN: which column?"
        texts = self.found.layout.texts(column)
        minus = sum(normal(text)[:1] in {"▲", "△", "-", "−", "("} for text in texts)
        spec = "" if all(re.fullmatch(r"\d+", text) for text in texts) else f', format = "{JAPANESE}"'
        sign = ", factor = -1" if minus * 2 > len(texts) else ""
        return f"amount_yen = {{ column = {_text(column)}{spec}{sign} }}" + (
            "  # what leaves has a minus" if sign else ""
        )

    def _labels(self) -> str:
        if "fraud" not in self.roles:
            return ""
        yes = [word for word in self.found.words("fraud") if meaning(word, words.FRAUD)]
        if not yes:
            told = ", ".join(self.found.words("fraud")) or "nothing"
            self.open.append(f'column {self.roles["fraud"]!r} says {told}, never fraud: "1" is taken for that')
        values = ", ".join(map(_text, yes or ["1"]))
        lines = ["[labels]", f"fraud = {{ {_key(self.roles['fraud'])} = [{values}] }}"]
        lines += [f"case = {_text(self.roles['case'])}"] if "case" in self.roles else []
        lines += [f"typology_column = {_text(self.roles['typology'])}"] if "typology" in self.roles else []
        return "\n".join([*lines, ""])


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(text: str) -> str:
    return text if re.fullmatch("[A-Za-z0-9_-]+", text) else _text(text)


def _table(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{_key(word)} = {_text(meant)}" for word, meant in pairs.items()) + " }" if pairs else "{}"
