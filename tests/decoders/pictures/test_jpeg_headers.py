"""Test JPEGs with endless headers: nothing derived from them takes many times their size, or is kept."""

import pytest
from jpeg_building import AC, DC, EOB, dc, progressive, segment, sequential, table

from datacheck.decoders.pictures import eyes, jpeg_markers
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

from datacheck.decoders.pictures.jpeg_scans import plans

BLOCKS = [[dc(100), EOB], [dc(-50), EOB]]
SHORTEST = bytes([0x13, 1, *bytes(15), 0])
"""A Huffman table of one code, in a slot that no scan uses."""


def with_front(front):
    value = sequential(BLOCKS)
    return value[:2] + front + value[2:]


def plan_of(value):
    return plans.plan(value, jpeg_markers.walk(value))


LONG = {
    "tables in few segments": with_front(segment(0xC4, SHORTEST * 3000) * 3),
    "a table in each segment": with_front(segment(0xC4, SHORTEST) * 40),
    "quantizers": with_front(segment(0xDB, (b"\3" + b"\1" * 64) * 1000) * 2),
    "restart intervals": with_front(segment(0xDD, b"\0\0") * 40_000),
}


@pytest.mark.parametrize("name", LONG)
def test_endless_headers_are_left_to_the_decoder(name):
    value = LONG[name]
    assert plan_of(value) is None
    for how in ("walker", "strict"):
        with eyes.using(how):
            for pixels in (True, False):
                picture, findings = read_picture(value, pixels=pixels)
                assert findings == []
                assert picture.pixels.shape == (1, 8, 16)


def test_every_place_defined_for_each_scan_is_walked():
    every = b"".join(table(kind | slot, DC if kind == 0 else AC) for slot in range(4) for kind in (0x00, 0x10))
    value = with_front(every)
    assert len(plan_of(value).tables) == 2 + 8
    scans = [((1, 5, 0), [[(0x10, 0, 1)]]), ((6, 63, 0), [[(0x10, 0, 1)]])]
    value = progressive([5, 6], *scans)
    first = value.index(b"\xff\xda")
    more = value[first:].replace(b"\xff\xda", every + b"\xff\xda")
    assert len(plan_of(value[:first] + more).tables) == 2 + 8 * len(jpeg_markers.walk(value).scans)
