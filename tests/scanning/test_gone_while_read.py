"""Test that no file is said to be gone if it is not known which ones are there."""

import h5py

from datacheck.backends import open_store
from datacheck.scanning.changed import _source_changed
from datacheck.scanning.earlier.fingerprint import fingerprint_if_any


def test_a_file_that_is_gone_does_not_stand_for_all(tmp_path):
    for name in ("a", "b", "c"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["x"] = [1.0, 2.0]
    reader = open_store(tmp_path)
    before = fingerprint_if_any(reader)
    (tmp_path / "b.h5").unlink()
    finding = _source_changed(before, fingerprint_if_any(reader))
    assert "(files of it are gone or cannot be read)" in finding.message
    assert finding.details["gone"] == 0
