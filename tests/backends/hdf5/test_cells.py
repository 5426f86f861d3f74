"""Columns of bytes, texts and ragged numbers in HDF5 tables are judged row by row."""

import io
import json
import pickle

import h5py
import numpy as np
import pytest
from building import npy
from PIL import Image

from datacheck import rebuild, scan
from datacheck.decoders.cells import unpadded

ROWS = 40


def picture(seed, form="JPEG"):
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise.repeat(4, 0).repeat(4, 1)).save(out, form)
    return out.getvalue()


PICTURES = [picture(seed) for seed in range(ROWS)]


def vlen(values):
    made = np.empty(len(values), object)
    made[:] = [np.frombuffer(it, np.uint8) for it in values]
    return {"data": made, "dtype": h5py.vlen_dtype(np.uint8)}


def signed(values):
    made = np.empty(len(values), object)
    made[:] = [np.frombuffer(it, np.int8) for it in values]
    return {"data": made, "dtype": h5py.vlen_dtype(np.int8)}


def padded(values, kind=np.uint8, more=5):
    width = max(map(len, values)) + more
    return {"data": np.stack([np.frombuffer(it.ljust(width, b"\0"), kind) for it in values])}


def opaque(values):
    return {"data": np.array([np.void(it.ljust(max(map(len, values)) + 3, b"\0")) for it in values])}


def fixed(values):
    return {"data": np.array(values, f"S{max(map(len, values)) + 3}")}


FORMS = {"vlen": vlen, "signed": signed, "padded": padded, "opaque": opaque, "fixed": fixed}
"""How bytes are stored: a function from the bytes of each row to what makes the dataset."""


def store(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, made in datasets.items():
            file.create_dataset(name, **(made if isinstance(made, dict) else {"data": made}))
    return path


def said(report):
    return [(it.key, it.code, it.verdict, it.field) for it in report.findings]


@pytest.mark.parametrize("form", FORMS)
def test_sound_pictures_are_clean_however_their_bytes_are_stored(tmp_path, form):
    path = store(tmp_path / "s.h5", image=FORMS[form](PICTURES), label=np.arange(ROWS) % 3)
    report = scan(path)
    assert (said(report), report.status, report.checked) == ([], 0, ROWS)
    assert report.profile.families["/"].columns["image"].decoder == "picture"


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_a_cut_picture_is_named_by_its_row_and_column(tmp_path, form, workers):
    values = [*PICTURES]
    values[17] = values[17][: len(values[17]) // 2]
    path = store(tmp_path / "s.h5", image=FORMS[form](values), label=np.arange(ROWS) % 3)
    report = scan(path, workers=workers)
    assert said(report) == [("/[17]", "truncated", "bad", "image")]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_cell_among_full_ones_is_bad(tmp_path, form):
    values = [*PICTURES]
    values[3] = b""
    report = scan(store(tmp_path / "s.h5", image=FORMS[form](values), label=np.arange(ROWS) % 3))
    assert said(report) == [("/[3]", "empty", "bad", "image")]


@pytest.mark.parametrize("form", ["vlen", "opaque", "fixed"])
def test_payloads_of_any_kind_are_opened(tmp_path, form):
    records = [{"x": np.arange(3.0) + at, "y": at % 2} for at in range(ROWS)]
    records[9]["x"] = np.array([1, np.nan, 2.0])
    path = store(tmp_path / "s.h5", sample=FORMS[form]([pickle.dumps(it, 4) for it in records]))
    assert said(scan(path)) == [("/[9]", "nan", "bad", "sample/x")]


@pytest.mark.parametrize("form", ["vlen", "opaque", "fixed"])
def test_zeros_that_end_a_payload_are_its_own(tmp_path, form):
    arrays = [np.full(4, at, np.float64) for at in range(ROWS)]  # the last bytes of small floats are zeros
    arrays[5] = np.zeros(7)
    path = store(tmp_path / "s.h5", sample=FORMS[form]([npy(it) for it in arrays]))
    assert {it.code for it in scan(path).findings} <= {"shape", "constant"}


def test_one_png_among_jpegs_is_suspicious(tmp_path):
    values = [*PICTURES]
    values[4] = picture(4, "PNG")
    report = scan(store(tmp_path / "s.h5", image=vlen(values), label=np.arange(ROWS) % 3))
    assert said(report) == [("/[4]", "wrong-format", "suspicious", "image")]


def test_pixels_of_8_bits_stay_numbers(tmp_path):
    rows = np.random.default_rng(3).integers(0, 256, (ROWS, 600), np.uint8)
    rows[5, :8] = np.frombuffer(PICTURES[0][:8], np.uint8)  # by chance it begins as a JPEG does
    images = np.random.default_rng(4).integers(0, 256, (ROWS, 8, 8, 3), np.uint8)
    report = scan(store(tmp_path / "s.h5", data=rows, images=images), stats=True)
    assert (said(report), report.status) == ([], 0)
    assert report.profile.families["/"].columns == {}
    assert report.statistics["data"].count == rows.size


def test_bytes_that_nothing_decodes_are_said_once_a_column(tmp_path):
    values = [bytes([200, at, 199, 255, 254]) * 9 for at in range(ROWS)]
    report = scan(store(tmp_path / "s.h5", secret=vlen(values), label=np.arange(ROWS) % 3))
    (finding,) = report.findings
    assert (finding.key, finding.code, finding.details["count"]) == (None, "unknown-payload", ROWS)
    assert "/secret" in finding.message
    assert report.status == 3


def test_texts_are_to_be_utf_8_and_json_is_judged(tmp_path):
    captions = [f"a cät, number {at}" for at in range(ROWS)]
    stored = [it.encode() for it in captions]
    stored[6] = "ä".encode("latin-1") + b" text"
    scores = [json.dumps({"score": float("nan") if at == 8 else at}) for at in range(ROWS)]
    text = h5py.string_dtype()
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["x"] = np.arange(ROWS)
        file.create_dataset("caption", data=np.array(stored, object), dtype=text)
        file.create_dataset("scores", data=scores, dtype=text)
        file["number"] = np.array([b"12", b"nan"] * (ROWS // 2))
    assert said(scan(tmp_path / "s.h5")) == [
        ("/[6]", "undecodable", "bad", "caption"),
        ("/[8]", "nan", "bad", "scores/score"),
    ]


@pytest.mark.parametrize(("empty", "codes"), [(1, {"empty"}), (ROWS // 2, set())])
def test_an_empty_text_is_suspicious_only_where_few_are(tmp_path, empty, codes):
    texts = ["" if at < empty else "words" for at in range(ROWS)]
    report = scan(store(tmp_path / "s.h5", x=np.arange(ROWS), note={"data": texts, "dtype": h5py.string_dtype()}))
    assert ({it.code for it in report.findings}, report.status) == (codes, 0)


def ragged(values, kind="f4"):
    made = np.empty(len(values), object)
    made[:] = [np.asarray(it, kind) for it in values]
    return {"data": made, "dtype": h5py.vlen_dtype(np.dtype(kind))}


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<f2"])
def test_ragged_numbers_are_judged(tmp_path, kind):
    signals = [np.random.default_rng(at).normal(size=20 + at % 7) for at in range(ROWS)]
    path = store(tmp_path / "sound.h5", signal=ragged(signals, kind), label=np.arange(ROWS) % 3)
    assert scan(path).status == 0
    signals[8][5], signals[9][0], signals[21] = np.nan, np.inf, []
    path = store(tmp_path / "bad.h5", signal=ragged(signals, kind), label=np.arange(ROWS) % 3)
    report = scan(path)
    assert said(report) == [
        ("/[8]", "nan", "bad", "signal"),
        ("/[9]", "inf", "bad", "signal"),
        ("/[21]", "empty", "bad", "signal"),
    ]
    assert scan(path, allow_nan=["signal"]).counts == {"inf": 1, "empty": 1}
    out = tmp_path / "copy.h5"
    assert rebuild(path, out, drop_bad=True).dropped == 3
    with h5py.File(out) as copy:
        kept = [at for at in range(ROWS) if at not in (8, 9, 21)]
        assert copy["label"][:].tolist() == [at % 3 for at in kept]
        assert all(np.array_equal(copy["signal"][to], signals[at].astype(kind)) for to, at in enumerate(kept))
    assert scan(out).status == 0


def test_ragged_numbers_that_the_library_misreads_are_not_judged(tmp_path):
    path = store(tmp_path / "s.h5", signal=ragged([[1.5, 2.5]] * ROWS, ">f8"), label=np.arange(ROWS) % 3)
    report = scan(path)
    (finding,) = report.findings
    assert (finding.key, finding.code, report.status) == (None, "unsupported", 3)
    assert "/signal" in finding.message


def test_boxes_of_which_many_pictures_have_none_are_sound(tmp_path):
    boxes = [np.arange(4 * (at % 3)) for at in range(ROWS)]
    assert scan(store(tmp_path / "s.h5", boxes=ragged(boxes, "i4"), label=np.arange(ROWS) % 2)).status == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_rebuild_drops_the_whole_row_of_a_cut_picture(tmp_path, form):
    values = [*PICTURES]
    values[17] = values[17][:40]
    path = store(tmp_path / "s.h5", image=FORMS[form](values), label=np.arange(ROWS))
    assert rebuild(path, tmp_path / "copy.h5", drop_bad=True).dropped == 1
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert copy["label"][:].tolist() == [at for at in range(ROWS) if at != 17]
        assert len(copy["image"]) == ROWS - 1
    assert scan(tmp_path / "copy.h5").status == 0


@pytest.mark.parametrize(
    ("whole", "zeros"),
    [
        (picture(1), 9),
        (picture(1, "PNG"), 1),
        (picture(1, "GIF"), 30),
        (picture(1, "BMP"), 4),
        (picture(1, "WEBP"), 4),
        (npy(np.zeros(3)), 8),
        (b'{"a": 1}', 3),
        (b"", 12),
    ],
)
def test_padding_ends_where_the_value_does(whole, zeros):
    assert unpadded(whole + bytes(zeros)) == whole
    assert unpadded(whole) == whole
