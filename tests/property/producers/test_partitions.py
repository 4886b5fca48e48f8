"""Our partitions are those of kafka-python's default partitioner, whatever the keys."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from producers.partitions import partitions_of


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 1_000))
def test_every_key_goes_where_kafka_python_would_send_it(keys: list[bytes], count: int) -> None:
    expected = [(murmur2(key) & 0x7FFFFFFF) % count for key in keys]
    assert expected == partitions_of(keys, count).tolist()
