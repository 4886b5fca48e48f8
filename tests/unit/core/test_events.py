"""Events on their way: selected with all that belongs to them, and parts of a log put back into its order."""

import numpy as np
from support.hops import any_events
from support.models import make_batch

from detector.core.events import Events, in_log_order


def content(events: Events, i: int) -> tuple[bytes | str, ...]:
    """All of event i."""
    columns = (column[i].tobytes() for column in events.batch)
    texts = () if events.strings is None else (texts.text(i) for texts in events.strings)
    return (*columns, events.X[i].tobytes(), events.facts[i].tobytes(), *texts)


def contents(events: Events) -> list[tuple[bytes | str, ...]]:
    return [content(events, i) for i in range(events.size)]


def test_fresh_events_have_no_features_and_no_facts_yet() -> None:
    events = Events.fresh(make_batch(3), 5)
    assert ((3, 5), 0, 3) == (events.X.shape, np.abs(events.facts).sum(), events.size)
    assert np.isnan(events.X).all()
    assert events.strings is None


def test_selected_events_take_all_along_and_are_copies() -> None:
    events = any_events(6, 3)
    expected = contents(events)
    for which in ([4, 1, 1], slice(2, 5)):
        selected = events.select(which)
        assert np.array(expected, object)[which].tolist() == [list(row) for row in contents(selected)]
        selected.X[:], selected.facts[:] = 0, 0
    assert expected == contents(events)


def test_parts_of_a_log_are_one_log_in_order_of_offset_and_hop_index() -> None:
    whole = any_events(40, 3)
    batch = whole.batch._replace(offset=np.arange(40) // 2, hop_index=(np.arange(40) % 2).astype(np.int32))
    whole = whole._replace(batch=batch)
    mine = np.random.default_rng(3).random(40) < 0.4
    parts = [whole.select(~mine), whole.select(np.zeros(40, np.bool_)), whole.select(mine)]
    assert contents(whole) == contents(in_log_order(parts))


def test_one_part_is_the_log_itself() -> None:
    events = any_events(3, 1)
    assert in_log_order([events]) is events


def test_without_the_strings_of_a_part_there_are_none() -> None:
    events = any_events(2, 1)
    assert in_log_order([events, events._replace(strings=None)]).strings is None
