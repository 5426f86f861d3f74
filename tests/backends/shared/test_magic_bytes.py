"""Test recognising what lies at the path of a store by bytes written out here, not taken from the table."""

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile

import numpy as np
import pytest

from datacheck.backends.shared.magic import KINDS, other_format


def zip_archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "b")
    return out.getvalue()


def tar_archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("train/0001.jpg"))
    return out.getvalue()


def npy():
    out = io.BytesIO()
    np.save(out, np.arange(3))
    return out.getvalue()


def sqlite(folder):
    with sqlite3.connect(folder / "made.db") as connection:
        connection.execute("create table a (b)")
    connection.close()
    return (folder / "made.db").read_bytes()


FILES = {
    "a git-lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n",
    "a git-annex pointer": b"/annex/objects/SHA256E-s12345--4d7a21.h5\n",
    "a DVC pointer": b"outs:\n- md5: 4d7a21\n  size: 12345\n  path: train.h5\n",
    "a property list": b"bplist00\xd4\x01\x02\x03\x04",
    "a zip archive": zip_archive(),
    "compressed by gzip": gzip.compress(b"words"),
    "compressed by Zstandard": bytes.fromhex("28b52ffd2005290000776f726473"),
    "compressed by bzip2": bz2.compress(b"words"),
    "compressed by xz": lzma.compress(b"words"),
    "a tar archive": tar_archive(),
    "a NumPy .npy file": npy(),
    "a classic netCDF file": b"CDF\x01\0\0\0\0",
    "a classic netCDF file of 64-bit offsets": b"CDF\x02\0\0\0\0",
    "a classic netCDF file of 64-bit data": b"CDF\x05\0\0\0\0",
    "an HDF4 file": bytes.fromhex("0e031301"),
    "a MATLAB file of version 5": b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x01IM",
    "an SQLite database": None,
    "a Parquet file": b"PAR1\x15\x04\x15",
    "an Arrow file": b"ARROW1\0\0",
    "a PDF document": b"%PDF-1.7\n",
    "a PNG picture": bytes.fromhex("89504e470d0a1a0a0000000d49484452"),
    "a JPEG picture": bytes.fromhex("ffd8ffe000104a464946"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_is_told_by_its_bytes(tmp_path, what):
    path = tmp_path / "train.h5"
    path.write_bytes(FILES[what] or sqlite(tmp_path))
    said = what.split(" of 64-bit ")[0]
    assert str(other_format(path)).startswith(f"is {said}")


@pytest.mark.parametrize("what", FILES)
def test_the_same_bytes_at_another_place_tell_nothing(tmp_path, what):
    path = tmp_path / "train.h5"
    path.write_bytes(b"\1" + (FILES[what] or sqlite(tmp_path)))
    assert other_format(path) is None


def test_there_is_a_file_for_each_row_of_the_table(tmp_path):
    told = set()
    for place, content in enumerate(FILES.values()):
        path = tmp_path / str(place)
        path.write_bytes(content or sqlite(tmp_path))
        told.add(other_format(path))
    assert told == {what for _, _, what in KINDS}
    assert len(FILES) == len(KINDS)
