"""Model folders: `arrays.npz` without pickle, and `manifest.json`, which describes them and has their SHA-256.

The same data, seed and library versions give the same bytes. A folder appears whole or not at all.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.array_checks import Arrays, check_array, check_order, check_within
from detector.core.budgets import BankBudgets
from detector.core.calibration import Calibration
from detector.core.detector_checks import check_detector, check_specs
from detector.core.detectors import FORMS, Detector, DetectorSpec, hash_of
from detector.core.model import Model, features_hash
from detector.core.stage import Columns
from detector.errors import UserError
from detector.npz import pack_arrays, unpack_arrays
from detector.paths import replaced_folder

SCHEMA = 2  # 2: detectors with features of their own
ARRAYS, MANIFEST = "arrays.npz", "manifest.json"
AGAIN = "train it again with `kozamori train`"


class DetectorRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One detector as the manifest names it."""

    name: str
    form: str
    share: float
    kinds: tuple[str, ...]
    typologies: tuple[str, ...]
    meaning: str
    features: tuple[tuple[str, float | None], ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `manifest.json` holds; `training` and `calibration` are for people and reports."""

    schema: int
    version: str
    stages: str
    features: tuple[str, ...]
    features_hash: str
    detectors: tuple[DetectorRow, ...]
    detectors_hash: str
    budget: float
    seed: int
    libraries: dict[str, str]
    training: dict[str, Any]
    calibration: dict[str, dict[str, Any]]
    arrays_sha256: str
    #: By bank code: its share of the alert groups on normal days, and its own budget if it has one.
    bank_shares: dict[str, float] = {}
    bank_budgets: dict[str, float] = {}
    #: By stage, the version of what its features meant; 1 where a manifest does not say.
    features_versions: dict[str, int] = {}
    #: Of a release that watched links: read, so that a model without a watch-list goes on, and never written.
    watch: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    #: SHA-256 of this manifest without it, so that an edited one is noticed; "" in those of older releases.
    seal: str = ""


class _Schema(msgspec.Struct):
    schema: int


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A trained model that has no name yet; fields as in `Model` and `Manifest`. `label` begins the version."""

    label: str
    columns: Columns
    detectors: tuple[Detector, ...]
    calibrations: tuple[Calibration, ...]
    usual: npt.NDArray[np.float32]
    budget: float
    seed: int
    libraries: dict[str, str]
    training: dict[str, Any]
    calibration: dict[str, dict[str, Any]]
    banks: BankBudgets = field(default_factory=BankBudgets)


def pack(draft: Draft) -> dict[str, bytes]:
    """The files of a model folder, by name."""
    arrays: dict[str, npt.NDArray[Any]] = {"usual": draft.usual}
    for detector, calibration in zip(draft.detectors, draft.calibrations, strict=True):
        arrays |= {f"{detector.name}.{name}": array for name, array in detector.arrays().items()}
        for name in Calibration.__dataclass_fields__:
            arrays[f"{detector.name}.calibration.{name}"] = getattr(calibration, name)
    packed = pack_arrays(arrays)
    specs = tuple(detector.spec for detector in draft.detectors)
    sha256 = hashlib.sha256(packed).hexdigest()
    manifest = Manifest(
        schema=SCHEMA,
        version=f"{draft.label}-{sha256[:8]}",
        stages=draft.columns.name,
        features=tuple(feature.known_as for feature in draft.columns.features),
        features_hash=features_hash(draft.columns.name, draft.columns.features),
        detectors=tuple(
            DetectorRow(**{name: getattr(spec, name) for name in DetectorSpec.__dataclass_fields__}) for spec in specs
        ),
        detectors_hash=hash_of(specs),
        budget=draft.budget,
        seed=draft.seed,
        libraries=draft.libraries,
        training=draft.training,
        calibration=draft.calibration,
        arrays_sha256=sha256,
        bank_shares=dict(draft.banks.shares),
        bank_budgets=dict(draft.banks.own),
        features_versions=dict(draft.columns.features_versions),
    )
    manifest = msgspec.structs.replace(manifest, seal=_seal_of(manifest))
    return {ARRAYS: packed, MANIFEST: msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"}


def _seal_of(manifest: Manifest) -> str:
    unsealed = msgspec.json.encode(msgspec.structs.replace(manifest, seal=""))
    as_read = msgspec.json.decode(unsealed, type=Manifest)  # a whole number may stand for a fraction
    return hashlib.sha256(msgspec.json.encode(as_read)).hexdigest()


def unpack(files: dict[str, bytes], columns: Columns, where: str = "the model") -> Model:
    """The model of a folder's files; its `sha256` is that of the manifest, which names that of the arrays.

    Features are found by name: one that came later, or was renamed, does not matter to the model. Raises UserError,
    naming `where`, when a file is damaged, from a newer release or made for other features.
    """
    manifest = _manifest(files[MANIFEST], where)
    if hashlib.sha256(files[ARRAYS]).hexdigest() != manifest.arrays_sha256:
        raise UserError(f"{where}: {ARRAYS} is damaged (its SHA-256 is not the manifest's): copy it again or {AGAIN}")
    indices = _indices(manifest, columns, where)
    for stage, version in columns.features_versions:
        if (made_for := manifest.features_versions.get(stage, 1)) != version:
            raise UserError(
                f"{where}: {MANIFEST}: made for version {made_for} of the features of stage {stage}, this release"
                f" computes version {version}: {AGAIN}, or run the release it was made with"
            )
    if manifest.watch:
        raise UserError(f"{where}: {MANIFEST} has a watch-list, which this release does not keep: {AGAIN}")
    try:
        model = _restore(manifest, files, columns, indices)
    except ValueError as error:
        raise UserError(f"{where}: manifest and arrays do not fit together ({error}): {AGAIN}") from error
    if manifest.seal and manifest.seal != _seal_of(manifest):
        raise UserError(
            f"{where}: {MANIFEST} was edited, so figures and limits are no longer those of its training: copy it again,"
            f" or {AGAIN} (--budget and --bank-budget set budgets)"
        )
    return model


def read_model(folder: Path, *candidates: Columns) -> Model:
    """The model in `folder`; raises UserError when it is missing, damaged or made for none of `candidates`."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such model folder: give the folder that `kozamori train -o` wrote")
    files = {}
    for name in (ARRAYS, MANIFEST):
        try:
            files[name] = (folder / name).read_bytes()
        except FileNotFoundError as error:
            raise UserError(f"{folder}: not a model, {name} is missing: copy the folder again or {AGAIN}") from error
        except OSError as error:
            raise UserError(f"{folder / name}: cannot be read ({error.strerror}): check its permissions") from error
    stages = _manifest(files[MANIFEST], str(folder)).stages
    columns = next((columns for columns in candidates if columns.name == stages), candidates[-1])
    return unpack(files, columns, str(folder))


def write_model(folder: Path, draft: Draft, *, force: bool = False) -> Model:
    """Write `draft` to `folder`, whole or not at all, and return it as `read_model` would.

    Raises UserError when `folder` exists and `force` is false, when it exists and is no model, or cannot be written.
    """
    check_target(folder, force=force)
    files = pack(draft)
    model = unpack(files, draft.columns, str(folder))
    try:
        with replaced_folder(folder) as fresh:
            for name, content in files.items():
                (fresh / name).write_bytes(content)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}): make room or choose another path with -o"
        ) from error
    return model


def check_target(folder: Path, *, force: bool) -> None:
    """Raise UserError when `write_model` would refuse `folder`; called before the long work."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / MANIFEST).exists()):
        raise UserError(f"{folder}: exists and is not a model folder: choose another path with -o")
    if not force:
        raise UserError(f"{folder}: exists already: choose another path with -o, or replace it with --force")


def _manifest(content: bytes, where: str) -> Manifest:
    try:
        if (schema := msgspec.json.decode(content, type=_Schema).schema) > SCHEMA:
            raise UserError(
                f"{where}: {MANIFEST} has schema {schema} of a newer release, this one reads up to {SCHEMA}: install"
                " that release"
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise UserError(f"{where}: {MANIFEST} is damaged ({error}): copy it again or {AGAIN}") from error


def _indices(manifest: Manifest, columns: Columns, where: str) -> npt.NDArray[np.int64]:
    """Where each feature of the model is among the columns, int64 (F of the model,)."""
    known = {feature.known_as: index for index, feature in enumerate(columns.features)}
    found = [known[name] for name in manifest.features if name in known]
    computed = features_hash(columns.name, [columns.features[index] for index in found])
    if manifest.stages != columns.name or manifest.features_hash != computed:
        raise UserError(
            f"{where}: {MANIFEST}: made for features {manifest.features_hash} of {manifest.stages}, this release"
            f" computes {computed} of {columns.name}: {AGAIN}, or run the release it was made with"
        )
    return np.array(found, np.int64)


def _restore(manifest: Manifest, files: dict[str, bytes], columns: Columns, indices: npt.NDArray[np.int64]) -> Model:
    """Raises ValueError, which names the file, for whatever a model cannot hold: kernels check nothing."""
    specs = tuple(
        DetectorSpec(**{name: getattr(row, name) for name in DetectorRow.__struct_fields__})
        for row in manifest.detectors
    )
    with _naming(MANIFEST):
        _check_manifest(manifest, specs, columns, len(indices))
    with _naming(ARRAYS):
        arrays = unpack_arrays(files[ARRAYS])
        usual = _usual(arrays.pop("usual", np.empty(0)), indices, len(columns.features))
    detectors, calibrations = [], []
    for spec in specs:
        with _naming(f"{ARRAYS}, detector {spec.name}"):
            prefix = f"{spec.name}."
            own = {name.removeprefix(prefix): arrays.pop(name) for name in list(arrays) if name.startswith(prefix)}
            detector, calibration = _detector(spec, _moved(own, indices, ordered=spec.form != "joint_tail"), columns)
        detectors.append(detector)
        calibrations.append(calibration)
    with _naming(ARRAYS):
        if arrays:
            raise ValueError(f"{', '.join(sorted(arrays))[:200]}: of no detector")
    with _naming(MANIFEST):
        return Model(
            version=manifest.version,
            sha256=hashlib.sha256(files[MANIFEST]).hexdigest(),
            stages=manifest.stages,
            feature_names=columns.feature_names,
            features_hash=manifest.features_hash,
            detectors=tuple(detectors),
            calibrations=tuple(calibrations),
            budget=manifest.budget,
            usual=usual,
            manifest=msgspec.to_builtins(manifest),
            banks=BankBudgets(manifest.bank_shares, manifest.bank_budgets),
        )


def _usual(stored: npt.NDArray[Any], indices: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.float32]:
    """A model's usual values over the `width` columns of this release, of which its own are at `indices`."""
    check_array("usual", stored, np.float32, 2)
    if stored.shape != (expected := (len(KINDS), len(indices))) or np.isinf(stored).any():
        raise ValueError(f"usual: {stored.shape}, expected {expected}, none infinite")
    usual = np.full((len(KINDS), width), np.nan, np.float32)
    usual[:, indices] = stored
    return usual


def _moved(own: Arrays, indices: npt.NDArray[np.int64], *, ordered: bool) -> Arrays:
    """A detector's arrays, its columns as this release numbers them."""
    moved = dict(own)
    for name in own:
        if name.rpartition(".")[2] == "columns":
            check_array(name, own[name], np.int64, 1)
            check_within(name, own[name], 0, len(indices) - 1)
            if ordered:
                check_order(own[name])
            moved[name] = indices[own[name]]
    return moved


def _detector(spec: DetectorSpec, own: Arrays, columns: Columns) -> tuple[Detector, Calibration]:
    prefix = "calibration."
    try:
        detector = FORMS[spec.form](spec, own)
        calibration = Calibration(**{name: own[f"{prefix}{name}"] for name in Calibration.__dataclass_fields__})
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is missing") from None
    known = detector.arrays().keys()
    if extra := [name for name in own if name not in known and not name.startswith(prefix)]:
        raise ValueError(f"{', '.join(extra)[:200]}: unknown")
    check_detector(detector, columns.features)
    return detector, calibration


def _check_manifest(manifest: Manifest, specs: tuple[DetectorSpec, ...], columns: Columns, known: int) -> None:
    if len(manifest.features) != known or len(set(manifest.features)) < known:
        raise ValueError("features: not those of its features_hash")
    check_specs(specs, columns.features)
    days = manifest.training.get("burn_in_days", 0)
    if not isinstance(days, int | float) or not 0 <= days < np.inf:
        raise ValueError(f"training.burn_in_days: {days!r}, expected days")
    last_day = manifest.training.get("last_day", "1970-01-01")
    try:
        dt.date.fromisoformat(last_day)
    except (TypeError, ValueError):
        raise ValueError(f"training.last_day: {last_day!r}, expected a date such as 2020-09-10") from None


@contextmanager
def _naming(part: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{part}: {error}") from error
