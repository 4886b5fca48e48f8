from pathlib import Path

import pytest
from matplotlib.image import imread

from detector.demo.evaluation import Case, Evaluation, Group, Taken
from detector.demo.picture import draw
from detector.demo.plan import Plan
from detector.languages import Language

BEGIN_MS = 1_598_886_000_000
TAKEN = (Taken(BEGIN_MS + 60_000, 100_000, gone=True), Taken(BEGIN_MS + 75_000, 200_000, gone=False))


@pytest.mark.parametrize(
    "cases",
    [
        (),
        (Case("T1-0001", "0116", BEGIN_MS, None, ()),),
        (
            Case("T1-0001", "0116", BEGIN_MS, BEGIN_MS + 60_000, TAKEN),
            Case("T1-0002", "0116", BEGIN_MS + 9_000, BEGIN_MS + 9_000, TAKEN),
            Case("T1-0003", "0116", BEGIN_MS + 99_000, None, TAKEN),
        ),
    ],
    ids=["no case", "no debit", "cases"],
)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_picture_is_drawn_of_whatever_came_of_it_in_either_language(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
    cases: tuple[Case, ...],
    language: Language,
) -> None:
    late = Group("0116", BEGIN_MS - 1)
    draw(
        Evaluation(10, 5, cases, (late, Group("0001", BEGIN_MS)), 3, 1),
        BEGIN_MS,
        Plan(language=language),
        tmp_path / "x.png",
    )
    height, width, _ = imread(tmp_path / "x.png").shape
    assert width > height > 900
    # Characters that the font lacks, fonts that are not there.
    assert ([], "") == ([str(warning.message) for warning in recwarn], caplog.text)
