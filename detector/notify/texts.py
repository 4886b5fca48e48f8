"""Subject and text of a mail, from templates in Japanese and English: the first line is the subject.

A folder of one's own may hold `alert.en.txt`, `alert.ja.txt`, `bulletin.en.txt` and `bulletin.ja.txt`; what it lacks is
ours. No value of a message can add a line: control characters are left out of each.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, TemplateError

from detector.contract.alerts import Alert
from detector.contract.bulletins import Bulletin
from detector.contract.examples import MESSAGES
from detector.errors import UserError
from detector.jst import JST
from detector.languages import SEVERITIES, STATES, Language, printable
from detector.notify.messages import Notice, notice_of

LANGUAGES: tuple[Language, ...] = get_args(Language)
#: RFC 5322 2.1.1 allows 998 characters, and folding; what is longer is no subject.
SUBJECT_CHARACTERS = 200


def examples() -> tuple[Notice, ...]:
    """One message of each kind, and a bulletin on a bank's own account."""
    contents = [(topic, MESSAGES[topic][0]) for topic in ("alerts", "bulletins", "bulletins.<bank>")]
    return tuple(
        notice_of(content, topic.replace("<bank>", "0116"), msgspec.json.encode(content))
        for topic, content in contents
        if isinstance(content, Alert | Bulletin)
    )


class Texts:
    """Writes mails by the templates of `folder`, and ours. Raises UserError for one that fails on an example."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise UserError(f"setting notify.templates: {folder} is no folder, expected one with templates in it")
        loaders = [FileSystemLoader(folder)] if folder is not None else []
        self._templates = Environment(
            loader=ChoiceLoader([*loaders, PackageLoader("detector.notify")]),
            autoescape=False,
            undefined=StrictUndefined,
            finalize=lambda value: printable(str(value)),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"yen": "{:,}".format, "jst": _jst}
        try:
            for notice in examples():
                for lang in LANGUAGES:
                    self.write(notice, lang)
        except (TemplateError, TypeError, ValueError, OSError, UnicodeDecodeError) as error:
            raise UserError(f"setting notify.templates: a template in {folder} fails: {error}") from None

    def write(self, notice: Notice, lang: Language) -> tuple[str, str]:
        """Subject and text."""
        content = notice.content
        word = SEVERITIES[content.severity] if isinstance(content, Alert) else STATES[content.state]
        name = {"alert": "severity", "bulletin": "state"}[notice.kind]
        template = self._templates.get_template(f"{notice.kind}.{lang}.txt")
        subject, _, text = template.render({notice.kind: content, name: word[lang]}).lstrip().partition("\n")
        return printable(subject).strip()[:SUBJECT_CHARACTERS], text.strip() + "\n"


def _jst(at_ms: int) -> str:
    """The time by Japanese clocks; the number itself where the calendar ends."""
    try:
        return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(JST):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return str(at_ms)
