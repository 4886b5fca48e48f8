"""A change of what a stage means is red until its version is raised, and then old rows and old models are refused."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.changelogs import feed
from support.golden import EVENTS, STAGES, Recorded, RecordedError, digest_of_events, log, read, run
from support.golden_events import lines
from support.models import make_draft

from detector.artifact import pack, unpack
from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import KINDS, RESULTS
from detector.core.admission import APPLY_FRESH, DUPLICATE
from detector.core.rows import PackedRows
from detector.core.stage import Chain, Stage
from detector.core.stages import source_kernel
from detector.core.stages.jst import month_of
from detector.core.stages.source import SOURCE
from detector.errors import UserError
from detector.jst import day_of
from detector.stream.changelog import Recovery, encode_rows


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_features_and_rows_mean_what_their_versions_say(stage: Stage) -> None:
    assert [] == list(read().complaints(stage))


def test_the_digests_are_of_the_events_that_the_generator_writes() -> None:
    assert read().events == digest_of_events()
    assert lines() == EVENTS.read_text()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_events_reach_every_feature_and_every_status(stage: Stage) -> None:
    outcome, rows = run(stage)
    columns = zip(stage.feature_names, outcome.events.X.T, strict=True)
    assert [] == [name for name, x in columns if len(np.unique(x[~np.isnan(x)])) < 2]
    assert (outcome.status == DUPLICATE).any()
    if stage.name != "budget":  # its one row is in use every day
        assert (outcome.status == APPLY_FRESH).sum() > rows.count, "some rows have expired"


def test_the_events_are_of_all_kinds_and_results_late_ones_too_and_of_several_months() -> None:
    batch = log()
    assert set(range(len(KINDS))) == set(batch.kind.tolist())
    assert set(range(len(RESULTS))) < set(batch.result.tolist())
    assert RECEIVING in batch.role
    assert (np.diff(batch.occurred_at_ms) < -3_600_000).any()
    assert len({month_of(day) for day in day_of(batch.occurred_at_ms).tolist()}) > 2


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The source stage, with another constant in its kernel's source."""
    source = Path(source_kernel.__file__).read_text()
    assert "USUAL_DAYS = 30 " in source
    file = tmp_path_factory.mktemp("changed") / "changed_kernel.py"
    file.write_text(source.replace("USUAL_DAYS = 30 ", "USUAL_DAYS = 20 "))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return replace(SOURCE, kernel=module.source_kernel)


def raised(stage: Stage) -> Stage:
    return replace(stage, version=stage.version + 1, features_version=stage.features_version + 1)


def test_a_changed_constant_is_red_until_the_versions_are_raised_and_recorded(changed: Stage) -> None:
    recorded = read()
    of_features, of_rows = recorded.complaints(changed)
    assert of_features.startswith("features of stage source are not what they were: raise its features_version from 1")
    assert of_rows.startswith("rows of stage source are not what they were: raise its version from 2 to 3")
    of_features, of_rows = recorded.complaints(raised(changed))
    assert "features_version 2 of stage source has no digest of features: record it with" in of_features
    assert "version 3 of stage source has no digest of rows: record it with" in of_rows
    after = recorded.with_stage(raised(changed))
    assert [] == list(after.complaints(raised(changed)))
    assert [] == list(after.complaints(SOURCE)), "versions before stay recorded"


def grown(factor: float) -> Stage:
    """The source stage with one more feature, before all others."""

    def kernel(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
        own = np.full(len(X), np.nan, SOURCE.record)
        SOURCE.kernel(rows, row_ids, status, batch, start, stop, own, facts)
        X["more"][start:stop] = batch.kind[start:stop] * factor
        for name in SOURCE.feature_names:
            X[name][start:stop] = own[name][start:stop]

    return replace(SOURCE, kernel=kernel, features=(replace(SOURCE.features[0], name="more"), *SOURCE.features))


def test_a_feature_that_comes_later_needs_no_new_version_but_a_digest_of_its_own() -> None:
    (complaint,) = read().complaints(grown(1.0))
    assert complaint.startswith("feature more of stage source has no digest: record it with")
    recorded = read().with_stage(grown(1.0))
    assert read().digests == recorded.digests
    assert [] == list(recorded.complaints(grown(1.0)))
    assert [] == list(recorded.complaints(SOURCE))
    assert ["feature more of stage source is not what it was: raise its features_version"] == list(
        recorded.complaints(grown(2.0))
    )


def test_a_renamed_feature_is_the_same_one() -> None:
    first, *others = SOURCE.features

    def kernel(rows: Any, row_ids: Any, status: Any, batch: Any, start: int, stop: int, X: Any, facts: Any) -> None:
        SOURCE.kernel(rows, row_ids, status, batch, start, stop, X.view(SOURCE.record), facts)

    renamed = (replace(first, name="new", first_name=first.name), *others)
    assert [] == list(read().complaints(replace(SOURCE, kernel=kernel, features=renamed)))


def test_the_digest_of_a_recorded_version_is_never_written_over(changed: Stage) -> None:
    with pytest.raises(RecordedError, match="raise its features_version from 1 to 2"):
        read().with_stage(changed)


def test_a_stage_recorded_anew_has_its_present_versions_alone() -> None:
    found = Recorded(digest_of_events()).with_stage(SOURCE).digests["source"]
    assert {"features": ["1"], "rows": ["2"]} == {part: list(versions) for part, versions in found.items()}


def test_rows_of_the_version_before_are_refused(changed: Stage) -> None:
    rows = run(SOURCE)[1]
    assert rows.count == restored(SOURCE, rows).count
    with pytest.raises(UserError, match="rows of stage source have version 2, this release reads 3"):
        restored(raised(changed), rows)


def restored(stage: Stage, rows: PackedRows) -> PackedRows:
    """Rows read back from a changelog."""
    recovery = Recovery(stage)
    records = list(encode_rows(rows.snapshot(), 7))
    feed(recovery, records)
    return recovery.rows


def test_another_version_is_another_kernel() -> None:
    assert SOURCE.kernel_hash != raised(SOURCE).kernel_hash


def test_a_model_of_other_features_versions_is_refused_with_the_stages_name() -> None:
    files, stage = pack(make_draft()), make_draft().columns
    assert isinstance(stage, Stage)
    assert {"account": 1} == unpack(files, stage).manifest["features_versions"]
    with pytest.raises(UserError, match=r"made for version 1 of the features of stage account, .* computes version 2"):
        unpack(files, raised(stage))


def test_a_chain_has_the_features_versions_of_its_stages() -> None:
    chain = Chain((*STAGES[:2], raised(SOURCE)))
    assert (("account", 2), ("wallet", 1), ("source", 2)) == chain.features_versions
