"""Test that everything in a tally survives packing."""

from collections import Counter

import msgspec
import pytest

from datacheck.checks.whole_store import LabelRuns, WholeStore
from datacheck.conventions.keys.account import Account
from datacheck.conventions.keys.numbered_keys import Pattern
from datacheck.conventions.keys.runs import Runs
from datacheck.conventions.keys.sequences import Sequences
from datacheck.reporting.packed_tally import packed, unpacked
from datacheck.reporting.tally import Tally
from datacheck.statistics.exact_sums import FieldStatistics

HUGE = 12345 << 1126
APART = ("findings", "made")
"""Findings are stored separately; what is made alongside a scan is not part of a scan that can be resumed."""
ACCOUNT = Account(
    9,
    1,
    {Pattern(b"image-", b".jpg", 9): Runs([(1, 5), (7, 9)])},
    {Pattern(b"\xff")},
    {b".cls": (3, 2**64 - 1, 5)},
    Sequences(2, {b"clip": Runs([(0, 4)])}, many=True),
    (4, 2**64 - 1, 7),
)
FULL = Tally(
    complete=False,
    records=7,
    checked=6,
    verdicts=Counter(bad=2),
    codes=Counter(nan=2),
    ignored=Counter(constant=1),
    unknown=Counter({"image-#": 3}),
    account=Counter(pages=5),
    keys={"": ACCOUNT, "words": Account(2)},
    statistics={
        "data": FieldStatistics(0.5, False, 8, -3, 2.5, -HUGE, HUGE, True, False, 4, None, Counter({(0, 224): 3})),
        "label": FieldStatistics(0.0, True, 8, 0, 2**70, 1, 2, False, True, 0, {3: 1, -2: 4, 2**65: 1}),
    },
    labels=[("|u1", b"\x00\x01")],
    whole=WholeStore(
        {"": LabelRuns({5: 2, 3: 1}), "t": LabelRuns(None)},
        Counter(data=1),
        Counter(data=2),
        3,
        Counter({"data\nend": 4}),
    ),
)


def test_every_part_of_a_tally_survives():
    assert all(getattr(FULL, name) != getattr(Tally(), name) for name in Tally.__slots__ if name not in APART)
    again = unpacked(packed(FULL))
    assert again == FULL
    assert [list(it.counts or ()) for it in again.whole.runs.values()] == [[5, 3], []]
    assert [type(it.minimum) for it in again.statistics.values()] == [int, int]


def test_every_field_of_what_it_holds_is_tried():
    """A field that is added later must be packed, too."""
    for value, name in ((FULL.statistics["data"], "statistics"), (ACCOUNT, "keys"), (FULL.whole, "whole")):
        assert all(
            getattr(value, it) != getattr(type(value)(), it) for it in value.__struct_fields__ if it != "label"
        ), name


def test_an_empty_tally_survives():
    assert unpacked(packed(Tally())) == Tally()


@pytest.mark.parametrize("raw", [b"", b"\x90", b"\xc0", b"\x80\x04\x95", packed(FULL)[:-3]])
def test_what_is_no_tally_is_refused(raw):
    with pytest.raises(msgspec.DecodeError):
        unpacked(raw)


def test_the_order_in_which_labels_and_sizes_came_does_not_matter():
    """Records that were read in other pieces, as after the death of a worker, leave a report of the same bytes."""
    orders = [[(3, 1), (-2, 4), (7, 1)], [(7, 1), (3, 1), (-2, 4)], [(2**65, 1), (3, 1)], [(3, 1), (2**65, 1)]]
    sizes = [{(0, 224): 3, (1, 24): 3}, {(1, 24): 3, (0, 224): 3}]
    labels = [packed(Tally(statistics={"label": FieldStatistics(counts=dict(it))})) for it in orders]
    pictures = [packed(Tally(statistics={"data": FieldStatistics(sides=Counter(it))})) for it in sizes]
    assert (labels[0], labels[2]) == (labels[1], labels[3])
    assert labels[0] != labels[2]
    assert pictures[0] == pictures[1]
