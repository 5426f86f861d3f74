"""Types that h5py does not read, opaque ones with a tag and quadruple precision: datacheck cannot judge the values."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from datacheck import scan


def opaque(path, tag, values=(b"OPAQUE0", b"OPAQUE1", b"OPAQUE2")):
    made = h5py.h5t.create(h5py.h5t.OPAQUE, len(values[0]))
    if tag:
        made.set_tag(tag)
    with h5py.File(path, "w") as file:
        dataset = h5py.h5d.create(file.id, b"values", made, h5py.h5s.create_simple((len(values),)))
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(values, f"V{len(values[0])}"), mtype=made)
    return path


@pytest.mark.parametrize(("tag", "codes", "status"), [(b"Character array", {"unsupported"}, 3), (b"", set(), 0)])
def test_only_opaque_values_with_a_tag_are_undecided(tmp_path, tag, codes, status):
    report = scan(opaque(tmp_path / "a.h5", tag), workers=1)
    assert {it.code for it in report.findings} == codes
    assert report.status == status


def test_opaque_values_beyond_the_end_of_the_file_are_lost(tmp_path):
    path = opaque(tmp_path / "a.h5", b"Character array")
    raw = path.read_bytes()
    path.write_bytes(raw[: raw.index(b"OPAQUE1")])
    assert scan(path, workers=1).status == 1


@pytest.mark.parametrize(("mantissa", "code", "status"), [(112, "unsupported", 3), (111, "damaged-store", 1)])
def test_floats_of_quadruple_precision_are_undecided(tmp_path, mantissa, code, status):
    path = tmp_path / "a.h5"
    made = h5py.h5t.IEEE_F64LE.copy()
    made.set_size(16)
    made.set_precision(128)
    made.set_fields(127, mantissa, 15, 0, mantissa)
    made.set_ebias(16383)
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(5.0) + 1
        h5py.h5d.create(file.id, b"quad", made, h5py.h5s.create_simple((3,)))
    report = scan(path, workers=1)
    assert [it.code for it in report.findings] == [code]
    assert report.status == status
