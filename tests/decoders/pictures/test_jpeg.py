"""Test JPEG: sound files of several encoders, and each way of breaking one."""

from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from datacheck.decoders.pictures import jpeg, pillow
from datacheck.decoders.pictures.decoder import read_picture


def photo(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """Return a smooth RGB picture with some grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    grain = rng.normal(0, 6, (height, width, 1))
    return np.clip(np.asarray(coarse) + grain, 0, 255).astype(np.uint8)


def encode(mode: str = "RGB", size: tuple[int, int] = (96, 128), **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo(*size)).convert(mode).save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


WHOLE = encode()
SCAN = jpeg.walk(WHOLE).scans[0][0]
SOF = WHOLE.index(b"\xff\xc0")
EMPTY_SCAN = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
LINES = b"\xff\xdc\0\x04\0\x60"


def patched(offset: int, new: bytes, value: bytes = WHOLE) -> bytes:
    return value[:offset] + new + value[offset + len(new) :]


def code(value: bytes) -> str | None:
    picture, findings = read_picture(value)
    assert len(findings) <= 1
    assert (picture is None) == any(finding.verdict != "suspicious" for finding in findings)
    assert all(finding.field == "data" for finding in findings)
    return findings[0].code if findings else None


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 1), (8, 8), (33, 47), (96, 128)])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_sound_files_have_no_finding(mode, size):
    for quality in (1, 50, 85, 100):
        for subsampling in (0, 1, 2):
            for kind in ({}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 2}):
                value = encode(mode, size, quality=quality, subsampling=subsampling, **kind)
                picture, findings = read_picture(value)
                assert findings == []
                assert picture.pixels.shape == ({"L": 1, "RGB": 3, "CMYK": 4}[mode], *size)
                assert picture.format == ("JPEG CMYK" if mode == "CMYK" else "JPEG")


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411", "Gray"])
def test_sound_files_of_simplejpeg(subsampling):
    for size in ((5, 3), (96, 128)):
        assert code(simplejpeg.encode_jpeg(photo(*size), 90, colorsubsampling=subsampling)) is None


@pytest.mark.parametrize("shade", [0, 77, 255])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}, {"quality": 100, "optimize": True}])
def test_flat_pictures_may_have_runs_of_zeros(shade, options):
    for mode in ("L", "RGB", "CMYK"):
        out = io.BytesIO()
        Image.new("L", (640, 480), shade).convert(mode).save(out, "JPEG", **options)
        assert code(out.getvalue()) is None


def test_pixels_are_those_of_other_decoders():
    picture, _ = read_picture(memoryview(WHOLE))
    theirs = np.asarray(Image.open(io.BytesIO(WHOLE))).transpose(2, 0, 1).astype(int)
    assert np.abs(picture.pixels - theirs).max() <= 1


BROKEN = {
    "cut in half": (WHOLE[: len(WHOLE) // 2], "truncated"),
    "last two bytes missing": (WHOLE[:-2], "truncated"),
    "last byte missing": (WHOLE[:-1], "truncated"),
    "cut after the headers": (WHOLE[:SCAN], "truncated"),
    "cut inside the headers": (WHOLE[:100], "truncated"),
    "first bytes only": (WHOLE[:3], "truncated"),
    "cut, then zeros": (WHOLE[:SCAN] + bytes(len(WHOLE) - SCAN), "truncated"),
    "half the pixels": (WHOLE[: SCAN + 500] + b"\xff\xd9", "corrupt-image"),
    "next to no pixels": (WHOLE[: SCAN + 9] + b"\xff\xd9", "truncated"),
    "zeros in the pixels": (patched(SCAN + 400, bytes(64)), "corrupt-image"),
    "many zeros in the pixels": (patched(SCAN + 400, bytes(700)), "corrupt-image"),
    "noise in the pixels": (patched(SCAN + 400, np.random.default_rng(0).bytes(500)), "corrupt-image"),
    "ends twice": (WHOLE[: SCAN + 700] + b"\xff\xd9" + WHOLE[SCAN + 700 :], "corrupt-image"),
    "no scan": (WHOLE[: WHOLE.index(b"\xff\xda")] + b"\xff\xd9", "corrupt-image"),
    "no frame": (WHOLE[:SOF] + WHOLE[SOF + 19 :], "corrupt-image"),
    "no height": (patched(SOF + 5, b"\0\0"), "corrupt-image"),
    "no width": (patched(SOF + 7, b"\0\0"), "corrupt-image"),
    "taller than stored": (patched(SOF + 5, b"\x40\0"), "truncated"),
    "65535 x 65535": (patched(SOF + 5, b"\xff\xff\xff\xff"), "too-large"),
    "hundreds of scans": (encode(progressive=True)[:-2] + EMPTY_SCAN * 600 + b"\xff\xd9", "too-large"),
    "a segment's length broken": (patched(4, b"\xff\xf0"), "corrupt-image"),
    "another number of components": (patched(SOF + 9, b"\x02"), "corrupt-image"),
    "9 bits": (patched(SOF + 4, b"\x09"), "corrupt-image"),
    "a progressive frame, sequential scan": (patched(SOF + 1, b"\xc2"), "corrupt-image"),
    "lossless": (patched(SOF + 1, b"\xc3"), "unknown-payload"),
    "hierarchical": (patched(SOF + 1, b"\xc5"), "unknown-payload"),
    "12 bits": (patched(SOF + 4, b"\x0c", patched(SOF + 1, b"\xc1")), "unknown-payload"),
    "height behind the scan": (patched(SOF + 5, b"\0\0", WHOLE[:-2]) + LINES + b"\xff\xd9", "unknown-payload"),
    "100 bytes behind": (WHOLE + b"x" * 100, "trailing-data"),
    "zeros behind": (WHOLE + bytes(3), "trailing-data"),
    "another JPEG behind": (WHOLE + WHOLE, "trailing-data"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_have_one_finding(name):
    value, expected = BROKEN[name]
    assert code(value) == expected


def test_a_warning_of_libjpeg_is_quoted():
    _, [finding] = read_picture(BROKEN["half the pixels"][0])
    assert finding.message == "JPEG: Corrupt JPEG data: premature end of data segment"


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        (bytes(7), "7 bytes after the end of the JPEG, all zero"),
        (b"abc", "3 bytes after the end of the JPEG"),
        (WHOLE, f"{len(WHOLE)} bytes after the end of the JPEG, which begin another JPEG"),
    ],
)
def test_trailing_bytes_are_counted_and_the_picture_stays(behind, said):
    picture, [finding] = read_picture(WHOLE + behind)
    assert picture.pixels.shape == (3, 96, 128)
    assert (finding.message, finding.verdict) == (said, "suspicious")
    assert finding.details == {"offset": len(WHOLE), "size": len(behind)}


@pytest.mark.parametrize("progressive", [False, True])
def test_a_thumbnail_and_a_comment_do_not_confuse(progressive):
    thumbnail = b"Exif\0\0II*\0\x08\0\0\0" + encode(size=(16, 16))
    profile = (128 + len(WHOLE)).to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(88) + WHOLE
    value = encode(progressive=progressive, exif=thumbnail, comment=b"\xff\xd9\xff\xda", icc_profile=profile)
    assert code(value) is None
    assert code(value + b"!") == "trailing-data"
    assert code(value[:-2]) == "truncated"


def test_unusual_sampling_goes_to_pillow():
    odd = patched(SOF + 11, b"\x31", encode(subsampling=0))
    with pytest.raises(ValueError, match="subsampling"):
        simplejpeg.decode_jpeg(odd)
    assert pillow.read(odd, "JPEG")[0] is not None
    assert read_picture(odd)[0].format == "JPEG"


def test_damage_in_the_scan_of_random_places():
    rng = np.random.default_rng(0)
    caught = 0
    for _ in range(100):
        at = int(rng.integers(SCAN, len(WHOLE) - 66))
        caught += code(patched(at, bytes(64))) is not None
    assert caught >= 95


def said(value, *, pixels):
    picture, findings = read_picture(value, pixels=pixels)
    shape = None if picture is None else (picture.format, picture.pixels.shape, picture.pixels.dtype)
    return shape, [repr(finding) for finding in findings]


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_picture_that_nobody_asked_to_see_is_judged_as_strictly(mode, progressive):
    whole = encode(mode, progressive=progressive)
    rng = np.random.default_rng(5)
    values = [whole, whole + b"!", whole[:-2], *(whole[: int(cut)] for cut in rng.integers(2, len(whole), 20))]
    for _ in range(150):
        at, size = int(rng.integers(2, len(whole) - 64)), int(rng.choice([1, 4, 64]))
        values.append(patched(at, rng.integers(0, 256, size, dtype=np.uint8).tobytes(), whole))
        values.append(patched(at, bytes(size), whole))
    for value in values:
        assert said(value, pixels=False) == said(value, pixels=True)


def test_a_constant_picture_is_seen_all_the_same():
    out = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 90, 90)).save(out, "JPEG")
    assert not read_picture(out.getvalue(), pixels=False)[0].pixels_skipped
    assert read_picture(WHOLE, pixels=False)[0].pixels_skipped


def test_a_glance_is_enough_for_sound_pictures_only():
    look = jpeg.HeaderCache()
    grey = encode("L", progressive=False)
    for _ in range(2):
        assert look(WHOLE).pixels_skipped
        assert (look(WHOLE).format, look(WHOLE).pixels.shape) == ("JPEG", (3, 96, 128))
        assert look(grey).pixels.shape == (1, 96, 128)
        for value in (b"", WHOLE[:SCAN], WHOLE[:-2], WHOLE + b"!", patched(SCAN + 200, bytes(64)), encode("CMYK")):
            assert look(WHOLE).pixels_skipped
            assert look(value) is None
