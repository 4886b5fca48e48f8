"""Kubernetes' manifests in `deploy/`, and what is wrong with one."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from support import manifest_schemas, operator_schemas

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = "kustomization.yml"

Manifest = dict[str, Any]


def files() -> list[Path]:
    """All files of manifests."""
    return sorted(KUBERNETES.rglob("*.yml"))


def manifests_in(path: Path) -> list[Manifest]:
    """The manifests of a file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def manifests(kind: str) -> list[Manifest]:
    """All manifests of a kind."""
    return [found for path in files() for found in manifests_in(path) if found["kind"] == kind]


def the(kind: str) -> Manifest:
    """The one manifest of a kind."""
    (found,) = manifests(kind)
    return found


def wrong_with(kind: str, manifest: Manifest) -> list[str]:
    """Where a manifest is none of its kind, and why; a field that nobody knows is not valid."""
    errors = _validator(kind).iter_errors(manifest)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema = {**manifest_schemas.KINDS, **operator_schemas.KINDS}[kind]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
