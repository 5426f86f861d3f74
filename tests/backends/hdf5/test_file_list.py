"""One file, a folder of files and Caffe's text list are recognised by the files' bytes."""

import h5py
import numpy as np
import pytest

from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions
from datacheck.errors import SourceUnknown


def recognised(path):
    return Hdf5Reader.recognise(path, StoreOptions())


def store(path, rows, **options):
    with h5py.File(path, "w", **options) as file:
        file["data"] = np.arange(rows)


def rows_of(reader):
    """The file and the name of each row."""
    return [
        (block.file, block.name(row))
        for shard in reader.layout().shards
        for block in reader.blocks(shard)
        for row in range(len(block))
    ]


@pytest.mark.parametrize("name", ["store.h5", "store", "store.txt", "store.mdb"])
def test_the_suffix_of_a_file_means_nothing(tmp_path, name):
    store(tmp_path / name, 2)
    assert rows_of(recognised(tmp_path / name)) == [(None, "/[0]"), (None, "/[1]")]


@pytest.mark.parametrize("size", [512, 1024, 4096])
def test_a_user_block_may_come_first(tmp_path, size):
    path = tmp_path / "matlab.mat"
    store(path, 2, userblock_size=size)
    assert len(rows_of(recognised(path))) == 2


@pytest.mark.parametrize("content", [b"", b"\x89HDF", b"hello\n", b"\x00" * 5000, b" " * 100 + b"\x89HDF\r\n\x1a\n"])
def test_other_files_are_not_ours(tmp_path, content):
    path = tmp_path / "store.h5"
    path.write_bytes(content)
    assert recognised(path) is None
    assert recognised(tmp_path) is None


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    store(tmp_path / "b.h5", 2)
    store(tmp_path / "a\x1b.hdf5", 1)
    (tmp_path / "README").write_text("not ours")
    (tmp_path / "sub").mkdir()
    store(tmp_path / "sub" / "c.h5", 9)
    reader = recognised(tmp_path)
    rows = [(r"a\x1b.hdf5", "/[0]"), ("b.h5", "/[0]"), ("b.h5", "/[1]"), *(("sub/c.h5", f"/[{at}]") for at in range(9))]
    assert rows_of(reader) == rows
    layout = reader.layout()
    assert layout.records == 12
    assert layout.size == sum((tmp_path / name).stat().st_size for name in ("b.h5", "a\x1b.hdf5", "sub/c.h5"))
    assert layout.findings == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is an empty file"),
        (b"nothing", "it has no HDF5 signature"),
        (b"PAR1", "it is a Parquet file"),
    ],
)
def test_a_file_of_a_folder_that_should_be_hdf5_and_is_not_is_a_finding(tmp_path, content, why):
    store(tmp_path / "a.h5", 2)
    (tmp_path / "b.h5").write_bytes(content)
    reader = recognised(tmp_path)
    (finding,) = reader.layout().findings
    assert (finding.code, finding.verdict, finding.file, finding.key) == ("damaged-store", "bad", "b.h5", None)
    assert finding.message == f"b.h5: not an HDF5 file: {why}"
    assert len(rows_of(reader)) == 2


def test_a_damaged_file_of_a_folder_costs_only_itself(tmp_path):
    for name in ("a.h5", "b.h5", "c.h5"):
        store(tmp_path / name, 100)
    with (tmp_path / "b.h5").open("r+b") as file:
        file.truncate(600)
    reader = recognised(tmp_path)
    cut, root = reader.layout().findings
    assert (cut.code, cut.file) == ("truncated-store", "b.h5")
    assert (root.code, root.file) == ("truncated-store", "b.h5")
    assert "some of the links of / are lost, since the file ends at 600" in root.message
    assert {file for file, _ in rows_of(reader)} == {"a.h5", "c.h5"}


def test_find_a_row_of_a_certain_file(tmp_path):
    store(tmp_path / "a.h5", 2)
    store(tmp_path / "b.h5", 4)
    reader = recognised(tmp_path)
    for key, file in (("/[1]", "a.h5"), ("b.h5:/[1]", "b.h5"), ("/[3]", "b.h5")):
        (block,) = reader.blocks(reader.find(key))
        assert (block.file, len(block)) == (file, 1)
    assert reader.find("a.h5:/[3]") is None


def test_a_caffe_list_is_relative_to_the_working_directory_or_else_to_itself(tmp_path, monkeypatch):
    lists, data = tmp_path / "lists", tmp_path / "data"
    lists.mkdir()
    data.mkdir()
    store(data / "a.h5", 1)
    store(lists / "b.h5", 2)
    (lists / "train.txt").write_text(f"data/a.h5\nb.h5   {data / 'a.h5'}\n")
    monkeypatch.chdir(tmp_path)
    reader = recognised(lists / "train.txt")
    assert [file for file, _ in rows_of(reader)] == ["data/a.h5", "b.h5", "b.h5", str(data / "a.h5")]


def test_a_file_that_a_list_names_but_is_not_there_or_no_hdf5_is_a_finding(tmp_path):
    store(tmp_path / "a.h5", 3)
    (tmp_path / "text.h5").write_text("hello")
    listed = tmp_path / "list.txt"
    listed.write_text("gone.h5\ntext.h5\na.h5\na.h5\n")
    reader = recognised(listed)
    assert [(it.code, it.file, it.message) for it in reader.layout().findings] == [
        ("damaged-store", "gone.h5", "gone.h5: the list names this file, but there is none"),
        ("damaged-store", "text.h5", "text.h5: not an HDF5 file: it has no HDF5 signature"),
    ]
    assert len(rows_of(reader)) == 3


@pytest.mark.parametrize("more", ["", "a.h5\n"])
def test_a_list_with_a_url_in_it_is_refused_by_name(tmp_path, more):
    store(tmp_path / "a.h5", 3)
    listed = tmp_path / "list.txt"
    listed.write_text(f"{more}s3://bucket/b.h5\n")
    with pytest.raises(SourceUnknown) as caught:
        recognised(listed)
    assert str(caught.value) == (
        f"{listed}: names the URL s3://bucket/b.h5, and datacheck reads files of this machine; copy or mount it first, "
        "with 'aws s3 cp --recursive' or s3fs for example, and name the copy in the list"
    )
    listed.write_text("https://example.org/b.h5?download=1\n")
    with pytest.raises(SourceUnknown, match=r"b\.h5\?download=1, .* with curl"):
        recognised(listed)
    listed.write_text("see https://example.org/paper.html\n")
    assert recognised(listed) is None


@pytest.mark.parametrize("text", ["", "no such file\n", "other.txt\n", ". ..\n", "a.h5\0b.h5"])
def test_text_that_names_no_hdf5_file_is_no_list(tmp_path, text):
    (tmp_path / "other.txt").write_text("other")
    store(tmp_path / "a.h5", 1)
    listed = tmp_path / "list.txt"
    listed.write_text(text)
    assert recognised(listed) is None


def test_a_text_too_large_is_no_list(tmp_path, monkeypatch):
    monkeypatch.setattr("datacheck.backends.hdf5.file_list.LIST_BYTES", 3)
    store(tmp_path / "a.h5", 1)
    (tmp_path / "list.txt").write_text("a.h5")
    assert recognised(tmp_path / "list.txt") is None
