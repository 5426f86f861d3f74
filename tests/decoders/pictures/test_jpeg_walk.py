"""Test what a walk over the Huffman data of a JPEG finds, and the sound pictures that look most like each fault."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from jpeg_building import AC, EOB, SKIP, ac, data, dc, head, progressive, scan, sequential
from jpeg_building import EOI as END
from PIL import Image

from datacheck.decoders.pictures import eyes, jpeg_markers
from datacheck.decoders.pictures.decoder import read_picture
from datacheck.decoders.pictures.eyes import installed

if not installed():  # this does not load numba
    pytest.skip("numba is not installed: JPEGs are not walked", allow_module_level=True)

from datacheck.decoders.pictures.jpeg_scans import walker

FLAT = [dc(0), EOB]
ROUGH = [dc(100), ac(0, 5), EOB]
FULL = [dc(0), ac(15, 1), ac(15, 1), ac(15, 1), ac(14, 1)]
RESTARTED = [data([ROUGH]) + b"\xff\xd0", data([ROUGH]) + b"\xff\xd1", data([ROUGH])]
LONG, SHORT = (0x10, 0, 1), EOB
"""An end of band (EOB run) that stands for two blocks, and one for a single block."""
NEW = (0x01, 1, 1)
LOW_BAND, NEXT_BIT = (1, 63, 0x01), (1, 63, 0x10)
TWO_BITS = [[(0x02, 2, 2), SHORT], [SHORT]]


def restarted(*parts: bytes) -> bytes:
    return head(24, 8, restart=1) + scan(b"".join(parts)) + END


BROKEN = {
    "no code": (sequential([ROUGH, [dc(3), "1" * 16]]), "bits that are no Huffman code"),
    "run past the end": (
        sequential([[dc(9), *[ac(15, 1)] * 4]]),
        "a run of zeros that leads past the end of its block",
    ),
    "run one past the end": (sequential([[*FULL[:-1], ac(15, 1)], ROUGH]), "a run of zeros that leads past the end"),
    "zeros before the end": (sequential([ROUGH, [dc(0), SKIP, EOB]]), "sixteen zeros at the end of a block"),
    "zeros to the end": (sequential([ROUGH, [dc(0), *[SKIP] * 4]]), "sixteen zeros at the end of a block"),
    "undefined AC": (sequential([ROUGH, [dc(0), (0x10, 0, 0), EOB]]), "a symbol that 8-bit pictures do not have"),
    "AC of 11 bits": (sequential([ROUGH, [dc(0), ac(0, 1500), EOB]]), "a symbol that 8-bit pictures do not have"),
    "DC of 12 bits": (sequential([[dc(2100), EOB], FLAT]), "a symbol that 8-bit pictures do not have"),
    "too large": (sequential([[dc(0), ac(0, 128), EOB], FLAT], quant=16), "a coefficient that is larger than any"),
    "too bright": (sequential([[dc(700), EOB], [dc(390), EOB]]), "a block that is darker than black"),
    "too dark": (sequential([[dc(-1100), EOB], FLAT]), "a block that is darker than black"),
    "a block too few": (head(24, 8) + scan(data([ROUGH, ROUGH])) + END, "the data ends before the last block"),
    "bytes left over": (sequential([ROUGH, ROUGH], behind=b"\x12\x34"), "2 bytes are left over behind the last block"),
    "a byte left over": (sequential([ROUGH, ROUGH], behind=b"\xfe"), "1 bytes are left over behind the last block"),
    "mixed padding": (sequential([ROUGH, FLAT], fill="10"), "what follows the last block is not filled up with ones"),
    "restarts out of order": (restarted(RESTARTED[0], RESTARTED[0], RESTARTED[2]), "restart markers are missing or"),
    "a restart missing": (restarted(RESTARTED[0], RESTARTED[2]), "restart markers are missing or out of order"),
    "ends in a row": (
        progressive([5, 6, 7, 8], (LOW_BAND, [[LONG], [NEW, SHORT], [SHORT]]), (NEXT_BIT, [[LONG], [LONG]])),
        "two ends of bands in a row, which are written as one",
    ),
    "an end too far": (
        progressive([5], (LOW_BAND, [[LONG]]), (NEXT_BIT, [[SHORT]])),
        "an end of bands that leads past",
    ),
    "more than a bit": (
        progressive([5, 6], (LOW_BAND, [[LONG]]), (NEXT_BIT, [[(0x02, 2, 2), SHORT], [SHORT]])),
        "a bit of precision that adds more than one",
    ),
    "zeros before an end": (
        progressive([5], (LOW_BAND, [[SKIP, SHORT]]), (NEXT_BIT, [[SHORT]])),
        "sixteen zeros at the end of a block",
    ),
    "run past the band": (
        progressive([5], ((1, 5, 0), [[(0xF1, 1, 1)]])),
        "a run of zeros that leads past the end of its block",
    ),
    "bright in the end": (progressive([1090, 0], (LOW_BAND, [[LONG]]), (NEXT_BIT, [[LONG]])), "a block that is darker"),
}
SOUND = {
    "one block": sequential([ROUGH]),
    "a run to the end": sequential([FULL, ROUGH]),
    "zeros before a value": sequential([ROUGH, [dc(0), SKIP, ac(0, 1), EOB]]),
    "AC of 10 bits": sequential([ROUGH, [dc(0), ac(0, 600), EOB]]),
    "as large as can be": sequential([[dc(9), EOB], [dc(0), ac(0, 50), EOB]], quant=16),
    "white that goes beyond white": sequential([[dc(9), EOB], [dc(0), ac(0, 64), EOB]], quant=16),
    "black and white": sequential([[dc(1016), EOB], [dc(-2040), EOB]]),
    "a byte of ones left over": sequential([ROUGH, ROUGH], behind=b"\xff\0"),
    "padding of zeros": sequential([ROUGH, FLAT, [dc(1), EOB]], fill="0"),
    "fill bytes": sequential([ROUGH, ROUGH], behind=b"\xff\xff"),
    "restarts": restarted(*RESTARTED),
    "a restart more": restarted(*RESTARTED, b"\xff\xd2"),
    "restarts with fill bytes": restarted(RESTARTED[0].replace(b"\xff\xd0", b"\xff\xff\xd0"), *RESTARTED[1:]),
    "ends that are never joined": progressive([5, 6], (LOW_BAND, [[SHORT], [SHORT]]), (NEXT_BIT, [[SHORT], [SHORT]])),
    "an end behind a whole band": progressive([5, 6], ((1, 2, 0), [[NEW, NEW], [SHORT]])),
    "refined": progressive([5, 6], (LOW_BAND, TWO_BITS), (NEXT_BIT, [[NEW, "1", SHORT], [SHORT]])),
}
SILENT = {"run one past the end", "zeros before the end", "too large", "too bright", "too dark", "mixed padding"}
"""Faults that the decoder does not report."""


def walked(value: bytes, how: str = "walker", *, pixels: bool = True):
    with eyes.using(how):
        return read_picture(value, pixels=pixels)


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_is_bad_and_says_what_it_is_and_where(name):
    value, said = BROKEN[name]
    for pixels in (True, False):
        for how in ("walker", "strict"):
            picture, [finding] = walked(value, how, pixels=pixels)
            assert picture is None
            assert finding.code == "corrupt-image"
            assert finding.verdict == "bad"
            assert said in finding.message
            assert finding.message.endswith("in MCU row 1 of 1")
            assert (finding.details["row"], finding.details["rows"]) == (1, 1)


@pytest.mark.parametrize("name", sorted(SILENT))
def test_of_these_faults_a_decoder_says_nothing(name):
    assert read_picture(BROKEN[name][0])[1] == []


@pytest.mark.parametrize("name", SOUND)
def test_what_looks_like_a_fault_and_is_none_passes(name):
    for pixels in (True, False):
        for how in ("decoder", "walker", "strict"):
            picture, findings = walked(SOUND[name], how, pixels=pixels)
            assert findings == []
            assert picture.pixels.shape[1] == 8


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize((width, height))
    return np.clip(np.asarray(coarse) + rng.normal(0, 6, (height, width, 1)), 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, mode: str = "RGB", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


KINDS = ({}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 2}, {"restart_marker_rows": 1})


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 1), (8, 8), (33, 47), (96, 128)])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_sound_pictures_of_an_encoder_pass_a_strict_look(mode, size):
    for quality in (1, 50, 85, 100):
        for subsampling in (0, 1, 2):
            for kind in KINDS:
                value = encoded(photo(*size), mode, quality=quality, subsampling=subsampling, **kind)
                picture, findings = walked(value, "strict")
                assert findings == []
                assert picture.pixels.shape[1:] == size


def test_noise_black_and_white_passes_a_strict_look():
    noise = np.random.default_rng(1).integers(0, 2, (64, 72, 3)).astype(np.uint8) * 255
    for quality in (1, 30, 75, 95, 100):
        for kind in KINDS:
            assert walked(encoded(noise, quality=quality, **kind), "strict")[1] == []


def test_a_grey_picture_with_sampling_factors_has_no_blocks_to_fill_them_up():
    value = sequential([ROUGH, FLAT, ROUGH]).replace(b"\1\x11\0", b"\1\x22\0", 1)
    assert walked(value, "strict")[1] == []


def test_the_row_of_the_damage_is_counted_from_the_top():
    value = bytearray(encoded(photo(128, 64), subsampling=0, restart_marker_rows=1))
    at = value.index(b"\xff\xd4")  # the fifth row ends there
    value[at - 8 : at] = b"\xff\0" * 4
    _, [finding] = walked(bytes(value))
    assert "in MCU row 5 of 16" in finding.message
    assert (finding.details["row"], finding.details["rows"]) == (5, 16)


def test_damage_of_a_progressive_picture_names_its_scan():
    value = encoded(photo(64, 64), progressive=True)
    _, [finding] = walked(value[:-30] + value[-2:])
    assert "of scan 10 of 10" in finding.message
    assert finding.details["scan"] == 10


def test_a_table_made_for_the_picture_of_which_a_code_is_not_used_is_odd():
    every = [(symbol >> 4, symbol & 15) for symbol in AC if symbol & 15 and symbol & 15 <= 10]
    blocks = [
        [dc(0), *([SKIP] if it == 0 else []), ac(run, 1 << size - 1), EOB] for it, (run, size) in enumerate(every)
    ]
    few = [symbol for symbol in AC if symbol & 15 <= 10 and symbol not in (0x10, 0xE0)]
    made_for_it, one_more = (sequential(blocks, acs=bytes(it)) for it in (few, [*few, 0x21]))
    assert walked(made_for_it, "strict")[1] == walked(one_more)[1] == []
    [odd] = walked(one_more, "strict")[1]
    assert (odd.code, odd.verdict) == ("corrupt-image", "suspicious")
    assert "a Huffman table made for the picture has 43 codes, of which 1 are not used" in odd.message


def test_samples_far_out_of_range_are_odd():
    value = sequential([[dc(500), ac(0, 900), ac(0, 900), EOB], [dc(-400), EOB]])
    assert walked(value)[1] == []
    [odd] = walked(value, "strict")[1]
    assert odd.verdict == "suspicious"
    assert "samples out of range" in odd.message


@pytest.mark.parametrize(("place", "new"), [(1, 0xC9), (4, 12)])
def test_arithmetic_codes_and_12_bits_are_left_to_the_decoder(place, new):
    value = bytearray(encoded(photo(16, 16)))
    value[value.index(b"\xff\xc0") + place] = new
    assert walked(bytes(value))[1] == read_picture(bytes(value))[1] != []


def mutants(count: int, seed: int):
    """Yield sound pictures of every kind, each with a few bytes changed, removed or inserted."""
    rng = np.random.default_rng(seed)
    pixels = photo(40, 56, 3)
    sound = [encoded(pixels, mode, **kind) for mode in ("RGB", "L") for kind in (*KINDS, {"subsampling": 0})]
    for number in range(count):
        value = bytearray(sound[number % len(sound)])
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(2 if rng.random() < 0.4 else max(2, value.find(b"\xff\xda")), len(value)))
            how = int(rng.integers(5))
            if how == 0:
                value[at] ^= 1 << int(rng.integers(8))
            elif how == 1:
                del value[at : at + int(rng.integers(1, 20))]
            elif how == 2:
                value[at:at] = rng.bytes(int(rng.integers(1, 20)))
            elif how == 3:
                value[at : at + 2] = bytes([0xFF, int(rng.choice([0, 0xD0, 0xD9, 0xDA, 0xC4, 0xDD, 0xFF]))])
            else:
                value[at : at + 30] = bytes(30)
            if len(value) < 10:
                break
        yield bytes(value)


def test_a_walk_finds_all_that_a_decoder_finds():
    for value in mutants(1500, 11):
        decoder = read_picture(value, pixels=False)
        walker = walked(value, pixels=False)
        assert decoder[0] is not None or walker[0] is None, decoder[1][0].message
        assert (walked(value, "strict", pixels=False)[0] is None) == (walker[0] is None)


def test_codes_read_together_say_what_each_says_by_itself():
    for value in mutants(1200, 12):
        steps = jpeg_markers.walk(value)
        together, one_by_one = (walker.walk(value, steps, closer=closer) for closer in (False, True))
        assert (together is None) == (one_by_one is None)
        if together is not None:
            assert together.damage == one_by_one.damage
            assert (together.flat, together.surely) == (one_by_one.flat, one_by_one.surely)


def test_a_progressive_picture_that_passes_is_not_decoded_as_well(monkeypatch):
    sound, grey = encoded(photo(40, 56), progressive=True), encoded(np.full((40, 56), 90, np.uint8), progressive=True)
    decoded = []
    decode = simplejpeg.decode_jpeg
    monkeypatch.setattr(
        simplejpeg, "decode_jpeg", lambda *args, **options: decoded.append(1) or decode(*args, **options)
    )
    picture, findings = walked(sound, pixels=False)
    assert (picture.pixels_skipped, picture.pixels.shape, findings, decoded) == (True, (3, 40, 56), [], [])
    assert not walked(grey, pixels=False)[0].pixels_skipped  # its pixels are needed to see that it is of one grey
    assert decoded
    assert not walked(sound)[0].pixels_skipped


LOOKS = (walked, read_picture)


@pytest.mark.parametrize("change", ["a scan sent twice", "a scan left out", "bytes between scans", "a comment between"])
def test_what_a_decoder_says_of_the_order_of_scans_it_still_says(change):
    value = encoded(photo(40, 56), progressive=True)
    (_, first), (start, stop) = jpeg_markers.walk(value).scans[:2]
    changed = {
        "a scan sent twice": value[:stop] + value[first:stop] + value[stop:],
        "a scan left out": value[:first] + value[stop:],
        "bytes between scans": value[:stop] + value[stop:].replace(b"\xff\xda", b"\xff\xd0ab\xff\xda", 1),
        "a comment between": value[:first] + b"\xff\xfe\0\x05abc" + value[first:],
    }[change]
    assert start > first
    for pixels in (True, False):
        said, by_decoder = ([(it.code, it.verdict) for it in look(changed, pixels=pixels)[1]] for look in LOOKS)
        assert said == by_decoder == ([] if change == "a comment between" else [("corrupt-image", "bad")])


CHECKED = """
import sys
sys.path[:0] = {paths!r}
import numpy as np
from datacheck.decoders.pictures import jpeg_markers
from datacheck.decoders.pictures.jpeg_scans import walker
from decoders.pictures.test_jpeg_walk import mutants
found = 0
for value in mutants(60, 5):
    walked = walker.walk(value, jpeg_markers.walk(value), closer=True)
    found += walked is not None and walked.damage is not None
print(found)
"""


def test_no_index_leads_out_of_an_array():
    """It runs uncompiled, where NumPy checks every index; `make fuzz` runs it longer, with compiled bounds checks."""
    here = Path(__file__).parents[2]
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    code = CHECKED.format(paths=[str(here), str(here.parent)])
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
