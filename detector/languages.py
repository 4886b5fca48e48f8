"""The languages that people are spoken to in, and the words that several commands share."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ja"]
SEVERITIES: Mapping[str, Mapping[Language, str]] = {
    "critical": {"en": "CRITICAL", "ja": "最重要"},
    "high": {"en": "HIGH", "ja": "重要"},
    "medium": {"en": "MEDIUM", "ja": "中"},
    "low": {"en": "LOW", "ja": "低"},
}
#: Of a campaign.
STATES: Mapping[str, Mapping[Language, str]] = {
    "begun": {"en": "BEGUN", "ja": "発生"},
    "grown": {"en": "GROWN", "ja": "拡大"},
    "closed": {"en": "CLOSED", "ja": "終息"},
}


def printable(text: str) -> str:
    """The text without control characters: events must control no terminal, and add no line or header to a mail."""
    return "".join(character for character in text if character.isprintable())
