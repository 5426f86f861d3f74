"""Test the limits of a binaryproto."""

import os

import pytest
from building import varint

from datacheck.caffe import blobs
from datacheck.caffe.blobs import read_blob
from datacheck.errors import SourceUnknown, SourceUnreadable


def blob(count):
    return b"\x2a" + varint(4 * count) + bytes(4 * count) + b"\x3a" + b"\x02\x08" + bytes([count])


def test_a_blob_of_as_many_bytes_as_are_allowed_is_read_and_a_larger_one_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(blob(3))
    monkeypatch.setattr(blobs, "MAX_BYTES", path.stat().st_size)
    assert read_blob(path).shape == (3,)
    monkeypatch.setattr(blobs, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(SourceUnknown, match=r"mean\.binaryproto: has more than 0 MiB, which no binaryproto here has"):
        read_blob(path)


def test_a_folder_is_no_blob(tmp_path):
    with pytest.raises(SourceUnknown, match="is a directory, not a binaryproto"):
        read_blob(tmp_path)


def test_a_blob_that_may_not_be_read_is_said(tmp_path, monkeypatch):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(blob(3))

    real = os.open

    def refuse(opened, *args, **how):
        if str(opened) == str(path):
            raise PermissionError(13, "Permission denied")
        return real(opened, *args, **how)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SourceUnreadable, match="may not be read: Permission denied"):
        read_blob(path)
