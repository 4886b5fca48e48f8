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
