"""A flat dataset of bytes that holds one picture is one record, sound or cut."""

import io

import h5py
import numpy as np
from PIL import Image

import datacheck


def picture(number, cut=False):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(number).integers(0, 256, (12, 16, 3), np.uint8)).save(out, "JPEG")
    raw = out.getvalue()
    return np.frombuffer(raw[: len(raw) // 2] if cut else raw, np.uint8)


def said(path):
    report = datacheck.scan(path, workers=1)
    return report.source.records, [(it.key, it.code) for it in report.findings]


def test_the_bytes_of_one_picture_are_one_record(tmp_path):
    for name, cut in (("a.h5", False), ("b.h5", True)):
        with h5py.File(tmp_path / name, "w") as file:
            file["image"], file["label"] = picture(1, cut), 3
    assert said(tmp_path / "a.h5") == (1, [])
    assert said(tmp_path / "b.h5") == (1, [("/image", "truncated")])


def test_bytes_that_are_labels_stay_rows(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(len(picture(1)), 4))
        file["label"] = picture(1)  # whatever they begin with
    assert said(tmp_path / "a.h5") == (len(picture(1)), [])


def write_samples(path, bad=None):
    with h5py.File(path, "w") as file:
        for number in range(12):
            file[f"sample_{number}/image"] = picture(number, number == bad)
            file[f"sample_{number}/state"] = np.random.default_rng(number).normal(size=(5 + number % 3, 4))
    return path


def test_a_sample_goes_with_its_picture(tmp_path):
    assert said(write_samples(tmp_path / "s.h5"))[1] == []
    source = write_samples(tmp_path / "a.h5", bad=4)
    receipt = datacheck.rebuild(source, tmp_path / "b.h5", drop_bad=True, workers=1)
    assert receipt.samples == ["/sample_4"]
    with h5py.File(tmp_path / "b.h5") as file:
        assert "sample_4" not in file
        assert len(file) == 11
    assert datacheck.scan(tmp_path / "b.h5", workers=1).clean
