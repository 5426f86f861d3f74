"""Test the sentence about a path that is not a store."""

import pytest

from datacheck.backends import open_store
from datacheck.backends.shared.magic import KINDS, other_format
from datacheck.errors import SourceUnknown


@pytest.mark.parametrize(("offset", "magic", "what"), KINDS)
def test_what_a_file_is_by_its_first_bytes(tmp_path, offset, magic, what):
    path = tmp_path / "train.h5"
    path.write_bytes(b"\1" * offset + magic + b"and more")
    assert other_format(path) == what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is an empty file"),
        (b"\n <!DOCTYPE html><html>", "is an HTML page, most likely the error page of a download"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "is the error message of a download, in XML"),
        (b'{"error": "not found"}', "is the error message of a download, in JSON"),
        (
            bytes(3 << 20),
            "has nothing but zeros in it, as a download does that was never finished, or a cloud placeholder",
        ),
        (bytes(3 << 20) + b"1", None),
        (b"<?xml version='1.0'?><data>", None),
        (b"words", None),
    ],
)
def test_what_a_file_is_by_what_is_in_it(tmp_path, content, what):
    path = tmp_path / "train.h5"
    path.write_bytes(content)
    assert other_format(path) == what


def test_a_hole_is_not_read(tmp_path):
    path = tmp_path / "train.h5"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert "nothing but zeros" in other_format(path)


@pytest.mark.parametrize("backend", [None, "hdf5"])
def test_a_source_that_is_none_is_refused_with_what_it_is(tmp_path, backend):
    path = tmp_path / "train.h5"
    path.write_bytes(b"\x0e\x03\x13\x01")
    with pytest.raises(SourceUnknown, match=r"train\.h5: is an HDF4 file, which is not HDF5"):
        open_store(path, backend)
