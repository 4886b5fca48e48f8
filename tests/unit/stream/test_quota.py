"""Dead letters may be many or a large part of the stream, not both."""

import pytest

from detector.errors import WorkerError
from detector.stream.quota import WINDOW_S, DeadLetterQuota


def test_a_burst_of_bad_records_in_a_large_stream_is_borne() -> None:
    quota = DeadLetterQuota(limit_per_min=10, share=0.5)
    quota.count(0.0, records=1000, dead=400)


def test_a_few_bad_records_are_borne_even_when_they_are_all_there_is() -> None:
    quota = DeadLetterQuota(limit_per_min=10, share=0.5)
    quota.count(0.0, records=10, dead=10)


def test_too_many_and_too_large_a_part_stops_the_worker() -> None:
    quota = DeadLetterQuota(limit_per_min=10, share=0.5)
    quota.count(0.0, records=10, dead=10)
    with pytest.raises(WorkerError, match=r"11 of 11 records.*dead_letter_limit_per_min=10"):
        quota.count(1.0, records=1, dead=1)


def test_a_new_minute_begins_at_zero() -> None:
    quota = DeadLetterQuota(limit_per_min=10, share=0.5)
    quota.count(0.0, records=10, dead=10)
    quota.count(WINDOW_S, records=10, dead=10)
