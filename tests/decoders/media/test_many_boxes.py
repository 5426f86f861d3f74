"""An mp4 file of more boxes than are walked is undecided: they are not wrong, and nothing was found behind its end."""

import pytest
from media_building import box, mp4

from datacheck.decoders.media.video import BOXES, walk_mp4

SEVERAL = (b"moof", b"mdat")
"""The boxes of a fragment: a film that was recorded live is a series of these."""


def fragmented(fragments):
    return mp4() + b"".join(box(it) for it in SEVERAL) * fragments


def many_in_the_index(count):
    head = box(b"ftyp", b"isom", bytes(4))
    return head + box(b"moov", box(b"trak") * count) + box(b"mdat", bytes(8))


@pytest.mark.parametrize("value", [fragmented(BOXES), many_in_the_index(BOXES + 1)], ids=["fragments", "index"])
def test_more_boxes_than_are_walked_are_undecided(value):
    (finding,) = walk_mp4(value)
    assert (finding.code, finding.verdict) == ("too-large", "unverifiable")


@pytest.mark.parametrize("value", [fragmented(100), many_in_the_index(100)], ids=["fragments", "index"])
def test_fewer_boxes_are_walked_to_their_end(value):
    assert walk_mp4(value) == []
