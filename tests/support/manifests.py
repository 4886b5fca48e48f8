"""Kubernetes' manifests in `deploy/`, and what Kubernetes and the operators' resource definitions say of one."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
SCHEMAS = ROOT / "tests" / "deploy" / "schemas"
KUSTOMIZATION = "kustomization.yml"

Manifest = dict[str, Any]


def files() -> list[Path]:
    """All files of manifests."""
    return sorted(path for path in KUBERNETES.rglob("*.yml") if path.name != KUSTOMIZATION)


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


def wrong_with(manifest: Manifest) -> list[str]:
    """Where a manifest is not valid, and why; a field that nobody knows is not valid."""
    errors = _validator(manifest["kind"]).iter_errors(manifest)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]


@cache
def _validator(kind: str) -> Draft202012Validator:
    own = SCHEMAS / f"{kind.lower()}.json"
    if own.exists():
        return Draft202012Validator(_closed(json.loads(own.read_text("utf-8"))))
    core = json.loads((SCHEMAS / "kubernetes.json").read_text("utf-8"))
    (name,) = [name for name in core["$defs"] if name.endswith(f".{kind}")]
    return Draft202012Validator({"$ref": f"#/$defs/{name}", **core})


def _closed(schema: Any) -> Any:
    """A resource definition that refuses fields it does not name: the API server drops them without a word."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "x-kubernetes-preserve-unknown-fields" not in schema:
        closed.setdefault("additionalProperties", False)
    return closed
