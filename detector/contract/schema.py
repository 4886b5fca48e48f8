"""JSON Schema files of everything on the bus: `python -m detector.contract.schema` rewrites them."""

import json
from pathlib import Path
from typing import Any

import msgspec

from detector.contract.alerts import Alert
from detector.contract.bulletins import Acknowledgement, Bulletin
from detector.contract.dead_letters import DeadLetter
from detector.contract.events import AccountEvent, WalletEvent

FOLDER = Path(__file__).parent / "schemas"
#: Topic → type of its messages.
TYPES: dict[str, Any] = {
    "account-events": AccountEvent,
    "wallet-events": WalletEvent,
    "alerts": Alert,
    "bulletins": Bulletin,
    "acknowledgements": Acknowledgement,
    "dead-letters": DeadLetter,
}


def schema_text(topic: str) -> str:
    """The schema file of a topic's messages."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": topic}
    return json.dumps(schema | msgspec.json.schema(TYPES[topic]), ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Write every schema file."""
    FOLDER.mkdir(exist_ok=True)
    for topic in TYPES:
        (FOLDER / f"{topic}.json").write_text(schema_text(topic), encoding="utf-8")


if __name__ == "__main__":
    main()
