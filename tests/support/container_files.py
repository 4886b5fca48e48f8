"""The Dockerfile and the compose file as data."""

import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, its text) in order, continued lines joined, comments dropped."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines.splitlines() if line.strip()]


def arguments() -> dict[str, str]:
    """What can be given to the build, with its defaults."""
    return dict(text.split("=", 1) for name, text in instructions() if name == "ARG" and "=" in text)


def images() -> list[str]:
    froms = [text.split(" ")[0] for name, text in instructions() if name == "FROM"]
    stages = [re.sub(r"\$\{(\w+)\}", lambda match: arguments()[match[1]], image) for image in froms]
    return stages + [service["image"] for service in SERVICES.values() if "build" not in service]
