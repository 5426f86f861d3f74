"""A file with a scalar of bytes for each picture is a store of records, whose names are the datasets' paths."""

import io

import h5py
import numpy as np
import pytest
from PIL import Image

from datacheck import rebuild, scan
from datacheck.model.settings import Settings
from datacheck.showing.record import show_record

COUNT = 30


def jpeg(seed):
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise.repeat(8, 0).repeat(8, 1)).save(out, "JPEG")
    return out.getvalue()


def varying(value):
    return np.frombuffer(value, np.uint8)


def store(path, form="opaque", group="", cut=()):
    with h5py.File(path, "w") as file:
        for at in range(COUNT):
            value = jpeg(at)[: 300 if at in cut else None]
            name = f"{group}/img_{at:04d}"
            if form == "vlen":
                file.create_dataset(name, (), h5py.vlen_dtype(np.uint8))[()] = varying(value)
            else:
                file[name] = np.void(value) if form == "opaque" else np.bytes_(value)
    return path


@pytest.mark.parametrize("form", ["opaque", "vlen", "fixed"])
@pytest.mark.parametrize("group", ["", "/train"])
@pytest.mark.parametrize("workers", [1, 2])
def test_each_scalar_of_bytes_is_a_record(tmp_path, form, group, workers):
    report = scan(store(tmp_path / "s.h5", form, group), workers=workers)
    assert (list(report.findings), report.status, report.checked) == ([], 0, COUNT)
    path = store(tmp_path / "bad.h5", form, group, cut=(7, 21))
    report = scan(path, workers=workers)
    assert [(it.key, it.code, it.index) for it in report.findings] == [
        (f"{group}/img_0007", "truncated", 7),
        (f"{group}/img_0021", "truncated", 21),
    ]
    assert report.source.records == COUNT


def test_a_rebuild_leaves_out_the_datasets_that_are_bad(tmp_path):
    path = store(tmp_path / "bad.h5", cut=(7, 21))
    receipt = rebuild(path, tmp_path / "copy.h5", drop_bad=True, quarantine=tmp_path / "held")
    assert (receipt.kept, receipt.dropped) == (COUNT - 2, 2)
    with h5py.File(tmp_path / "copy.h5") as copy:
        assert sorted(copy) == [f"img_{at:04d}" for at in range(COUNT) if at not in (7, 21)]
        assert copy["img_0008"][()].tobytes() == jpeg(8)
    (held,) = [it for it in (tmp_path / "held").iterdir() if it.suffix == ".h5" or it.name.endswith("hdf5")]
    with h5py.File(held) as quarantine:
        assert quarantine["img_0007"][()].tobytes() == jpeg(7)[:300]
        assert sorted(quarantine) == ["img_0007", "img_0021"]
    assert scan(tmp_path / "copy.h5").status == 0


def test_a_record_is_shown_by_its_path(tmp_path):
    path = store(tmp_path / "s.h5", cut=(7,))
    assert "JPEG 3x48x64 uint8" in show_record(str(path), "/img_0004", Settings()).text
    assert show_record(str(path), "/img_0007", Settings()).status == 1


def test_files_of_a_folder_are_named_beside_the_path(tmp_path):
    store(tmp_path / "a.h5")
    store(tmp_path / "b.h5", cut=(3,))
    report = scan(tmp_path)
    assert [(it.file, it.key, it.code) for it in report.findings] == [("b.h5", "/img_0003", "truncated")]
    assert report.source.records == 2 * COUNT


def test_a_scalar_beside_a_table_is_no_record_and_tables_elsewhere_are_still_judged(tmp_path):
    path = store(tmp_path / "s.h5", group="/pictures", cut=(3,))
    with h5py.File(path, "a") as file:
        file["config"] = np.void(b"\x01\x02\x03\x04")
        file["data"] = np.array([[1, 2], [np.nan, 3], [4, 5]])
        file["motto"] = "all of it"
    report = scan(path)
    assert sorted((it.key, it.code) for it in report.findings) == [("/[1]", "nan"), ("/pictures/img_0003", "truncated")]
    assert report.source.records == COUNT + 3
    assert rebuild(path, tmp_path / "copy.h5", drop_bad=True).dropped == 2
    assert scan(tmp_path / "copy.h5").status == 0


def test_opaque_scalars_that_nothing_decodes_are_not_clean(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for at in range(COUNT):
            file[f"{at}"] = np.void(bytes([200, at, 199, 255, 254]) * 3)
    report = scan(tmp_path / "s.h5")
    assert (report.counts, report.status, report.checked) == ({"unknown-payload": 1}, 3, COUNT)
