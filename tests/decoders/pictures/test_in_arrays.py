"""Test pictures that were encoded into an array of bytes, as by `cv2.imencode`, and stored as such in records."""

import io
import pickle

import msgpack
import numpy as np
import pytest
from building import npy, write_lmdb
from PIL import Image

import datacheck
from datacheck.decoders import decoder, kind
from datacheck.decoders.pictures.in_arrays import picture_bytes

COUNT = 60
FLAWED = 7


def encoded(number, kind="JPEG"):
    """Return a picture that depends on `number`, encoded into an array of N x 1 bytes."""
    out = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)
    Image.fromarray(pixels).save(out, kind)
    return np.frombuffer(out.getvalue(), np.uint8).reshape(-1, 1)


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def of_msgpack(array):
    parts = {"nd": True, "type": "|u1", "kind": "", "shape": array.shape, "data": array.tobytes()}
    return msgpack.packb({"img": parts, "y": 3})


FORMS = {
    "a pickled array": (pickle.dumps, "data"),
    "a pickled mapping": (lambda it: pickle.dumps({"img": it, "y": 3}, protocol=4), "img"),
    "along one axis": (lambda it: pickle.dumps((it.reshape(-1), 3)), "[0]"),
    "in a row": (lambda it: pickle.dumps((it.reshape(1, -1), 3)), "[0]"),
    ".npy bytes": (npy, "data"),
    "an archive": (lambda it: npz(img=it), "img"),
    "msgpack": (of_msgpack, "img"),
}
FLAWS = {
    "cut": (lambda it: it[:300], "truncated"),
    "all zero": (np.zeros_like, "undecodable"),
    "empty": (lambda it: it[:0], "empty"),
}


def store(path, of, others=()):
    """Write records of encoded pictures; `others` replaces records by number."""
    records = {b"%05d" % at: of(encoded(at)) for at in range(COUNT)}
    return write_lmdb(path, records | {b"%05d" % at: value for at, value in dict(others).items()})


@pytest.mark.parametrize("form", FORMS)
def test_sound_ones_are_decoded_and_clean(tmp_path, form):
    of, field = FORMS[form]
    report = datacheck.scan(store(tmp_path / "db", of))
    assert (report.clean, list(report.findings)) == (True, [])
    (profile,) = report.profile.families.values()
    assert (profile.fields[field].format, profile.fields[field].shape) == ("JPEG", (3, 12, 16))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("flaw", FLAWS)
@pytest.mark.parametrize("form", FORMS)
def test_a_broken_one_is_named(tmp_path, form, flaw, workers):
    of, field = FORMS[form]
    spoil, code = FLAWS[flaw]
    report = datacheck.scan(store(tmp_path / "db", of, {FLAWED: of(spoil(encoded(FLAWED)))}), workers=workers)
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.field, finding.verdict) == (f"{FLAWED:05d}", code, field, "bad")


def test_each_of_a_long_list_is_decoded(tmp_path):
    def clip(number, spoiled=()):
        frames = [encoded(100 * number + at) for at in range(70)]
        return pickle.dumps([frame[:300] if at in spoiled else frame for at, frame in enumerate(frames)])

    records = {b"%05d" % at: clip(at, {66} if at == 5 else ()) for at in range(20)}
    report = datacheck.scan(write_lmdb(tmp_path / "db", records))
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.field) == ("00005", "truncated", "[66]")


def test_flat_pixels_that_begin_like_a_picture_are_pixels(tmp_path):
    """The first pixels of one record are the magic number of JPEG."""
    records = {}
    for at in range(COUNT):
        pixels = np.random.default_rng(at).integers(0, 256, 784, np.uint8)
        if at == FLAWED:
            pixels[:4] = 0xFF, 0xD8, 0xFF, 0xE0
        records[b"%05d" % at] = pickle.dumps({"img": pixels, "y": at % 10})
    report = datacheck.scan(write_lmdb(tmp_path / "db", records))
    assert (report.clean, list(report.findings)) == (True, [])


@pytest.mark.parametrize("seed", range(3))
def test_it_does_not_depend_on_which_record_comes_first(tmp_path, seed):
    """At a path of few records, each array is judged by its own first bytes, whatever the record before it is."""
    random = np.random.default_rng(seed)
    records = {}
    for at in range(400):
        sample = {"x": random.standard_normal(8), "y": at % 10}
        if at % 40 == 11:
            sample["thumb"] = random.integers(0, 256, 500, np.uint8)
        if at % 40 == 12:
            thumb = random.integers(0, 256, 500, np.uint8)
            thumb[:3] = 0xFF, 0xD8, 0xFF
            sample["thumb"] = thumb
        records[b"%05d" % at] = pickle.dumps(sample)
    path = write_lmdb(tmp_path / "db", records)
    one, two = (datacheck.scan(path, workers=workers) for workers in (1, 2))
    assert list(one.findings) == list(two.findings)


def test_what_is_no_picture_among_them_is_said(tmp_path):
    records = {b"%05d" % at: pickle.dumps({"img": encoded(at), "y": 1}) for at in range(COUNT)}
    records[b"%05d" % FLAWED] = pickle.dumps({"img": np.zeros((12, 16, 3), np.float32), "y": 1})
    report = datacheck.scan(write_lmdb(tmp_path / "db", records))
    (finding,) = (it for it in report.findings if it.field == "img" and it.code == "fields")
    assert (finding.key, finding.message) == (f"{FLAWED:05d}", "float32, nearly all others are JPEG")


@pytest.mark.parametrize("shape", [(), (4, 4), (2, 1, 2)])
def test_arrays_of_more_axes_hold_none(shape):
    values = np.full(shape, 0xFF, np.uint8)
    assert picture_bytes(values, "img", None) is None


def test_one_that_lies_with_gaps_is_put_together():
    array = encoded(1)
    wide = np.repeat(array, 2, axis=1)[:, :1]
    assert bytes(picture_bytes(wide, "img", None)) == array.tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_it_can_be_shown_as_it_is_stored(form):
    of, _ = FORMS[form]
    value = of(encoded(3))
    assert decoder(kind(value)).stored_picture(value) == encoded(3).tobytes()
    assert decoder(kind(value)).stored_picture(of(np.zeros((40, 1), np.uint8))) is None
