"""Model folders that are wrong in one place and whose hashes fit, as a file from elsewhere or a bad disk may be.

`python -m support.poison SEED FIRST` reads one in `ONE_IN` of them, at random, from number `FIRST` on, and prints a
line before and after each: a reader that dies says by the last line which folder killed it.
"""

import hashlib
import io
import json
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from support.models import STAGE, make_draft, make_history

from detector.artifact import ARRAYS, MANIFEST, Draft, pack, unpack
from detector.core.detectors import BoostingDetector, DetectorSpec, JointTailDetector
from detector.core.model import Model
from detector.errors import UserError
from models.boosting import Turns, fit_boosting
from models.inject import Cases
from models.joint_tails import fit_joint_tail
from models.outcomes import calibrate
from models.span import held_out_of, split

WHERE = "a/model"
ONE_IN = 3
Arrays = dict[str, np.ndarray]
Files = dict[str, bytes]


def draft() -> Draft:
    """A small model with a detector of each form."""
    trained, data = make_draft(), make_history()
    attack = make_history(days=9, a_day=20, seed=7)
    X = attack.X.copy()
    X[:, 1] /= 1_000
    n = len(X)
    zeros = np.zeros(n, np.int64)
    case = np.arange(n, dtype=np.int64)
    cases = Cases(X, attack.kind, case, zeros.astype(np.int8), case < 0, attack.day, zeros, ("T1",))
    span = split(data, cases, held_out_of(np.unique(data.day)))
    both = ("link", "debit")
    tail = DetectorSpec("tail", "joint_tail", 0.2, both, ("T1",), "", (("wallet_age_s", 3_600), ("amount_yen", None)))
    trees = DetectorSpec("trees", "boosting", 0.3, both, (), "")
    (forest,) = trained.detectors
    detectors = (
        replace(forest, spec=replace(forest.spec, share=0.5)),  # type: ignore[type-var]
        JointTailDetector(tail, fit_joint_tail(tail, span.fitting, STAGE)),
        BoostingDetector(trees, fit_boosting(trees, span.fitting, cases, STAGE.features, Turns(6, 5_000, 1))),
    )
    return replace(trained, detectors=detectors, calibrations=calibrate(detectors, span))


def _entry(array: np.ndarray, index: int, value: Any) -> np.ndarray:
    changed = array.copy()
    changed.flat[index] = value
    return changed


def _dtypes(array: np.ndarray) -> list[np.ndarray]:
    others = ["<f4", "<f8", ">f8", "<i8", ">i8", "<i4", "<u2", ">u2", "<u4", "|i1", "|b1", "<c16", "<U9", "|S9"]
    cast = [array.astype(other) for other in others if np.dtype(other) != array.dtype]
    return [*cast, array.astype([("a", array.dtype)])]


def _shapes(array: np.ndarray) -> list[np.ndarray]:
    changed = [array[None], np.stack([array, array])]
    if array.ndim:
        changed += [array[:0], array[:-1], np.concatenate([array, array[-1:]]), array.ravel()[0]]
    if array.ndim == 2:
        changed += [array[:, :-1], array[:, :0], np.concatenate([array, array[:, -1:]], axis=1), array.T, array.ravel()]
    return [other for other in changed if other.shape != array.shape]


def _values(name: str, array: np.ndarray, random: np.random.Generator) -> list[np.ndarray]:
    """The array with a value that nothing trained can have, at a random index, and in every place."""
    if array.dtype.kind == "f":
        wrong = [np.nan, -np.inf]
        # Medians are missing where a kind lacks a feature; caps may be infinite; so may a threshold of padding be.
        if "usual" in name:
            wrong = [-np.inf, np.inf]
        elif not name.endswith((".threshold", ".cap")):
            wrong.append(np.inf)
        if name.endswith((".sign", ".table", ".p_values", ".ranks")):
            wrong += [2.5, -0.5]
        if name.endswith((".rates", ".length", ".normalizer", ".scale")):
            wrong.append(-0.5)
    elif array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        wrong = [limits.max, limits.max // 3, *([limits.min, -2] if limits.min else [])]
        if name.endswith(".cover"):
            wrong.append(0)
    else:
        return []
    index = _index(name, array, random)
    return [changed for value in wrong for changed in (_entry(array, index, value), np.full_like(array, value))]


def _index(name: str, array: np.ndarray, random: np.random.Generator) -> int:
    """A random index, in trees one that is a node's."""
    if name.startswith("trees.") and array.ndim == 2:
        return int(random.integers(len(array))) * int(array.shape[1])
    return int(random.integers(max(1, array.size)))


def _array_changes(arrays: Arrays, random: np.random.Generator) -> Iterator[tuple[str, Arrays]]:
    for name, array in arrays.items():
        for changed in _dtypes(array):
            yield f"{name} as {changed.dtype}", {**arrays, name: changed}
        for changed in _shapes(array):
            yield f"{name} of shape {changed.shape}", {**arrays, name: changed}
        for number, changed in enumerate(_values(name, array, random)):
            yield f"{name} with value {number}", {**arrays, name: changed}
        yield f"{name} away", {other: each for other, each in arrays.items() if other != name}
        if name.endswith((".knots", ".starts", ".columns")) and array.size > 1:
            yield f"{name} backwards", {**arrays, name: array[::-1].copy()}
        if name.endswith(".columns"):
            yield f"{name} twice the first", {**arrays, name: _entry(array, 1, array[0])}
        if name.endswith((".left", ".right")):
            other = arrays[name.replace("left", "+").replace("right", "left").replace("+", "right")]
            yield f"{name} as its sibling", {**arrays, name: other}
            yield f"{name} in a ring", {**arrays, name: np.zeros_like(array)}
    yield "an array too many", {**arrays, "forest.debit.more": np.zeros(3)}


def _changed(manifest: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    fresh: dict[str, Any] = json.loads(json.dumps(manifest))
    target = fresh
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return fresh


def _manifest_changes(manifest: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    odd: dict[tuple[Any, ...], list[Any]] = {
        ("schema",): [-1, 0, 99, "2", None, 2.5],
        ("stages",): ["", "wallet", None],
        ("features",): [[], manifest["features"][::-1], [*manifest["features"], "more"], None],
        ("features_hash",): ["", "0" * 16],
        ("features_versions",): [{"account": 9}, {"account": "1"}],
        ("budget",): [-1, 0, 1e308 * 10, "20", None],
        ("detectors",): [[], manifest["detectors"][:1], manifest["detectors"] * 2, None],
        ("bank_shares",): [{"116": 0.5}, {"0116": -1}, {"0116": 7.5}, {"-001": 0.1}, {"x": 0.1}],
        ("bank_budgets",): [{"0116": -1}, {"4321": 5}, {"0116": "5"}],
        ("training", "burn_in_days"): ["x", -3, None, [], 1e999],
        ("training", "last_day"): ["yesterday", 5, None],
        ("arrays_sha256",): ["", "0" * 64],
        ("watch",): [{"days": 1}],
    }
    for d in range(len(manifest["detectors"])):
        own = ("detectors", d)
        odd |= {
            (*own, "form"): ["", "forest", None],
            (*own, "name"): ["", "no such", "a\nb", manifest["detectors"][d - 1]["name"]],
            (*own, "share"): [-0.5, 0, 7, "x", None],
            (*own, "kinds"): [[], ["link", "link"], ["flight"], ["payment"], ["link", "debit", "open"]],
            (*own, "features"): [[["no_such", None]], [["gap_s", None]], [["amount_yen", "x"]], [[1, 2]]],
        }
    for path, values in odd.items():
        for value in values:
            yield f"{path}: {value!r}", _changed(manifest, path, value)
    yield "an unknown field", _changed(manifest, ("novelty",), 1)
    for name in manifest:
        yield f"without {name}", {other: each for other, each in manifest.items() if other != name}


def _archive_changes(packed: bytes, random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    yield "no archive", b"PK\x03\x04" + bytes(100)
    yield "an empty archive", b"PK\x05\x06" + bytes(18)
    yield "a pickle", b"\x80\x04N."
    for part in (0.1, 0.5, 0.9, 0.99):
        yield f"cut at {part}", packed[: int(len(packed) * part)]
    for _ in range(60):
        content = bytearray(packed)
        at = int(random.integers(len(content)))
        content[at] ^= 1 << int(random.integers(8))
        yield f"bit of byte {at}", bytes(content)
    for shape in ("(1000000000000,)", "(-3,)", "(2, " * 3_000, "('a',)"):
        yield f"a header with shape {shape[:12]}", _with_header(packed, shape)


def _with_header(packed: bytes, shape: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "usual.npy":
                header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
                content = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + content[128:]
            after.writestr(name, content)
    return out.getvalue()


def poisoned(seed: int) -> Iterator[tuple[str, Callable[[], Files]]]:
    """What was done, and what makes the files, with hashes that fit; the first is the model as trained."""
    random = np.random.default_rng(seed)
    files = pack(draft())
    manifest = json.loads(files[MANIFEST]) | {"seal": ""}  # else that alone would be noticed
    with np.load(io.BytesIO(files[ARRAYS])) as stored:
        arrays = dict(stored)
    yield "nothing", lambda: files
    for what, changed in _array_changes(arrays, random):
        yield what, partial(_saved, manifest, changed)
    for what, packed in _archive_changes(files[ARRAYS], random):
        yield what, partial(_signed, manifest, packed)
    for what, other in _manifest_changes(manifest):
        yield what, partial(lambda other: {**files, MANIFEST: json.dumps(other).encode()}, other)


def _saved(manifest: dict[str, Any], arrays: Arrays) -> Files:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return _signed(manifest, out.getvalue())


def _signed(manifest: dict[str, Any], packed: bytes) -> Files:
    told = manifest | {"arrays_sha256": hashlib.sha256(packed).hexdigest()}
    return {ARRAYS: packed, MANIFEST: json.dumps(told).encode()}


def said_of(model: Model) -> bytes:
    """All that a worker computes with the model, of a day's events, as bytes."""
    data = make_history(days=1, a_day=60, seed=4)
    said = [np.asarray(each).tobytes() for each in model.judge(data.X, data.kind, data.bank)]
    said += [np.asarray(model.burn_in_days).tobytes(), model.limits.tobytes(), np.nan_to_num(model.usual).tobytes()]
    for detector in model.detectors:
        for x, kind in zip(data.X[:9], data.kind[:9].tolist(), strict=True):
            rarity = detector.rarity(x)
            said += [detector.contributions(x, kind).tobytes(), repr(rarity).encode()]
    return b"".join(said)


def outcome_of(files: Files, expected: bytes) -> str:
    """What reading the folder and using the model comes to: `refused: …`, `equal`, `other` or `raised: …`."""
    try:
        model = unpack(files, STAGE, WHERE)
    except UserError as error:
        return f"refused: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it is, a user would see a traceback
        return f"raised: {type(error).__name__} at reading"
    try:
        return "equal" if said_of(model) == expected else "other"
    except Exception as error:  # noqa: BLE001 - as above
        return f"raised: {type(error).__name__} at use"


def main(seed: int, first: int) -> None:
    """Read the folders of a seed."""
    warnings.simplefilter("ignore")
    random = np.random.default_rng(seed)
    for number, (what, make) in enumerate(poisoned(seed)):
        files = make() if number == 0 else None
        if files is not None:
            expected = said_of(unpack(files, STAGE, WHERE))
        if random.integers(ONE_IN) == 0 and number >= first:
            print(f"{number}\t{what!r}", flush=True)
            print(f"{number}\t{outcome_of(make(), expected)!r}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
