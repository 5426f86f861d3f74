"""Test that the findings of a JPEG do not depend on whether pixels are wanted, nor on what checks it first."""

import struct

import pytest
from jpeg_building import AC, BAND, DC, EOB, SOI, ac, data, dc, head, progressive, scan, segment, sequential, table
from jpeg_building import EOI as END

from datacheck.decoders.pictures import eyes
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

FLAT = [dc(0), EOB]
PAST = [dc(9), *[ac(15, 1)] * 4]
SHORT, LOW, NEXT = (0x00, 0, 0), (1, 63, 0x01), (1, 63, 0x10)
PART, REST = data([[dc(5)]]), data([[SHORT]], (BAND, BAND))
RST = b"\xff\xd0"


def looked(value, how, *, pixels):
    with eyes.using(how):
        picture, findings = read_picture(value, pixels=pixels)
    return picture is not None, [(it.code, it.verdict) for it in findings]


def alike(value, how):
    with_pixels, without = (looked(value, how, pixels=pixels) for pixels in (True, False))
    assert with_pixels == without
    return without


@pytest.mark.parametrize(
    "value",
    [
        sequential([[dc(1040), EOB], [dc(-500), EOB]]),
        sequential([[dc(-1060), EOB], [dc(1000), EOB]]),
        progressive([1040, -500], (LOW, [[SHORT], [SHORT]]), (NEXT, [[SHORT], [SHORT]])),
    ],
)
def test_what_is_only_odd_is_said_by_a_strict_look_alone(value):
    assert alike(value, "decoder") == alike(value, "walker") == (True, [])
    assert alike(value, "strict") == (True, [("corrupt-image", "suspicious")])


def test_sampling_that_the_quick_decoder_refuses_is_walked_as_well():
    frame = segment(0xC0, struct.pack(">BHHB", 8, 32, 8, 3) + b"\1\x14\0\2\x11\0\3\x11\0")
    front = SOI + segment(0xDB, b"\0" + b"\1" * 64) + frame + table(0x00, DC) + table(0x10, AC)
    front += segment(0xDA, b"\3\1\0\2\0\3\0\0\x3f\0")
    blocks = [[dc(100), EOB], *[FLAT] * 4]
    for last, sound in ((FLAT, True), (PAST, False)):
        value = front + data([*blocks, last]) + END
        for how in ("walker", "strict"):
            assert alike(value, how) == (sound, [] if sound else [("corrupt-image", "bad")])


@pytest.mark.parametrize("behind", [b"", b"\xff\0"])
def test_ones_left_over_before_a_restart_are_judged_as_a_decoder_does(behind):
    front = head(16, 8, progressive=True, acs=BAND, restart=1)
    value = (
        front
        + scan(PART + behind + RST + PART, (0, 0, 0))
        + table(0x10, BAND)
        + scan(REST + RST + REST, (1, 63, 0))
        + END
    )
    assert alike(value, "walker") == alike(value, "decoder") == (not behind, [("corrupt-image", "bad")] * bool(behind))
    alone = head(16, 8, restart=1) + scan(data([[dc(99), EOB]]) + behind + RST + data([FLAT])) + END
    assert alike(alone, "walker") == alike(alone, "decoder") == (True, [])


def test_a_lossless_picture_is_decoded_in_its_own_size():
    frame = segment(0xC3, struct.pack(">BHHB", 8, 8, 16, 1) + b"\1\x11\0")
    front = SOI + frame + table(0x00, DC) + segment(0xDA, b"\1\1\0\1\0\0")
    value = front + data([[dc(5)], *[[dc(0)]] * 127])
    for end, sound in ((END, True), (b"\x12\x34" * 9 + END, False)):
        assert [found[0] for found in (alike(value + end, how) for how in ("decoder", "walker"))] == [sound] * 2
