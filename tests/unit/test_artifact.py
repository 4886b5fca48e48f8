"""Model folders: what is written is what is read, in the same bytes; and every way a folder can be wrong."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.models import STAGE, make_draft, make_history

from detector.artifact import ARRAYS, MANIFEST, pack, read_model, write_model
from detector.errors import UserError

DRAFT = make_draft()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "model", DRAFT)
    return tmp_path / "model"


def test_a_model_judges_after_reading_as_before_writing(tmp_path: Path) -> None:
    written, data = write_model(tmp_path / "new" / "model", DRAFT), make_history(days=1, seed=4)
    read = read_model(tmp_path / "new" / "model", STAGE)
    for before, after in zip(written.judge(data.X, data.kind), read.judge(data.X, data.kind), strict=True):
        assert np.asarray(before).tobytes() == np.asarray(after).tobytes()
    assert (written.version, written.sha256, written.manifest) == (read.version, read.sha256, read.manifest)
    np.testing.assert_array_equal(DRAFT.usual, read.usual)


def test_the_same_data_and_seed_give_the_same_bytes() -> None:
    assert pack(make_draft()) == pack(make_draft())


@pytest.mark.parametrize("change", [{"seed": 2}, {"budget": 30.0}])
def test_another_seed_or_budget_is_another_model(folder: Path, tmp_path: Path, change: dict[str, float]) -> None:
    other = write_model(tmp_path / "other", make_draft(**change))
    assert read_model(folder, STAGE).sha256 != other.sha256


def test_the_version_begins_with_the_last_day_of_the_data(folder: Path) -> None:
    model = read_model(folder, STAGE)
    assert f"2020-08-09-{model.manifest['arrays_sha256'][:8]}" == model.version


def test_nothing_but_the_two_files_is_left_behind(folder: Path) -> None:
    assert [ARRAYS, MANIFEST] == sorted(path.name for path in folder.iterdir())
    assert ["model"] == [path.name for path in folder.parent.iterdir()]


def test_arrays_need_no_pickle(folder: Path) -> None:
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        assert "forest.debit.threshold" in arrays.files
        assert all(arrays[name].dtype != object for name in arrays.files)


def change_manifest(**changes: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        (folder / MANIFEST).write_text(json.dumps(without_seal(manifest) | changes))

    return damage


def without_seal(manifest: dict[str, object]) -> dict[str, object]:
    """As of a release that sealed none."""
    return {name: value for name, value in manifest.items() if name != "seal"}


def edit_manifest(old: bytes, new: bytes) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        content = (folder / MANIFEST).read_bytes()
        assert old in content
        (folder / MANIFEST).write_bytes(content.replace(old, new, 1))

    return edit


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / ARRAYS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / ARRAYS).write_bytes(content)


def other_arrays(folder: Path) -> None:
    """Arrays that match their checksum and lack most of what the manifest speaks of."""
    np.savez(folder / ARRAYS, usual=DRAFT.usual)
    change_manifest(arrays_sha256=hashlib.sha256((folder / ARRAYS).read_bytes()).hexdigest())(folder)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no arrays": (lambda folder: (folder / ARRAYS).unlink(), "arrays.npz is missing"),
    "no manifest": (lambda folder: (folder / MANIFEST).unlink(), "manifest.json is missing"),
    "flipped bit": (flip_a_byte, "arrays.npz is damaged"),
    "cut short": (lambda folder: (folder / ARRAYS).write_bytes(b""), "arrays.npz is damaged"),
    "no JSON": (lambda folder: (folder / MANIFEST).write_bytes(b"{"), "manifest.json is damaged"),
    "not UTF-8": (lambda folder: (folder / MANIFEST).write_bytes(b'{"schema": "\xff"}'), "manifest.json is damaged"),
    "field of another type": (change_manifest(budget="20"), "manifest.json is damaged"),
    "newer schema": (change_manifest(schema=3, novelty=1), "schema 3 of a newer release"),
    "other features": (change_manifest(features_hash="0" * 16), "made for features 0000000000000000"),
    "other stages": (change_manifest(stages="account+wallet"), r"of account\+wallet, this release computes"),
    "other arrays": (other_arrays, "do not fit together"),
    "a watch-list": (change_manifest(watch={"share": 0.03, "days": 10.0}), "has a watch-list"),
    "no budget": (change_manifest(budget=0.0), "do not fit together"),
    "no detectors": (change_manifest(detectors=[]), "do not fit together"),
    "an edited figure": (edit_manifest(b'"seed": ', b'"seed": 1'), "manifest.json was edited"),
    "an edited budget": (edit_manifest(b'"budget": ', b'"budget": 9'), "manifest.json was edited"),
    "other detectors": (edit_manifest(b'"detectors_hash": "', b'"detectors_hash": "0'), "manifest.json was edited"),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_wrong_folder_is_refused_in_one_line_that_says_what_to_do(
    folder: Path, damage: Callable[[Path], object], complaint: str
) -> None:
    damage(folder)
    with pytest.raises(UserError, match=complaint) as refused:
        read_model(folder, STAGE)
    assert "\n" not in str(refused.value)
    assert str(folder) in str(refused.value)
    assert any(advice in str(refused.value) for advice in ("train", "copy", "install"))


def test_a_model_of_a_release_that_could_watch_links_and_watched_none_is_read(folder: Path) -> None:
    before = read_model(folder, STAGE)
    assert "watch" not in before.manifest
    change_manifest(watch=None)(folder)
    assert before.version == read_model(folder, STAGE).version


def test_a_manifest_that_names_no_versions_of_features_is_of_the_first(folder: Path) -> None:
    manifest = without_seal(json.loads((folder / MANIFEST).read_bytes()))
    del manifest["features_versions"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert read_model(folder, STAGE).version
    with pytest.raises(UserError, match="made for version 1 of the features of stage account"):
        read_model(folder, replace(STAGE, features_version=2))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such model folder"):
        read_model(tmp_path / "nowhere", STAGE)


def test_a_model_is_refused_by_a_stage_that_orients_a_feature_otherwise(folder: Path) -> None:
    first, *rest = STAGE.features
    turned = replace(STAGE, features=(replace(first, risk=-1), *rest))
    with pytest.raises(UserError, match="made for features"):
        read_model(folder, turned)


def test_an_existing_model_is_replaced_only_when_forced(folder: Path) -> None:
    before = read_model(folder, STAGE)
    with pytest.raises(UserError, match="--force"):
        write_model(folder, make_draft(seed=2))
    assert before.sha256 == read_model(folder, STAGE).sha256
    after = write_model(folder, make_draft(seed=2), force=True)
    assert after.sha256 == read_model(folder, STAGE).sha256 != before.sha256


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_is_no_model_is_never_replaced(tmp_path: Path, *, force: bool) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match="not a model folder"):
        write_model(tmp_path / "photos", DRAFT, force=force)
    assert (tmp_path / "photos" / "cat.jpg").exists()


def test_a_folder_that_cannot_be_written_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        write_model(tmp_path / "file" / "model", DRAFT)


def test_a_model_goes_on_where_features_came_later_or_were_renamed(folder: Path) -> None:
    first, *others = STAGE.features
    later = replace(first, name="later")
    renamed = replace(others[0], name="age_of_wallet", first_name=others[0].name)
    now = replace(STAGE, features=(later, renamed, others[2], first, others[1]))
    before, after, data = read_model(folder, STAGE), read_model(folder, now), make_history(days=1, seed=4)
    X = np.stack([np.full(len(data.X), 7, np.float32), *data.X.T[[1, 3, 0, 2]]], axis=1)
    for one, other in zip(before.judge(data.X, data.kind), after.judge(X, data.kind), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    assert np.isnan(after.usual[:, 0]).all()
    np.testing.assert_array_equal(before.usual, after.usual[:, [3, 1, 4, 2]])


def test_a_model_whose_feature_is_gone_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="made for features"):
        read_model(folder, replace(STAGE, features=STAGE.features[1:]))
