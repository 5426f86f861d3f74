"""Test what is said about a list of pictures as a whole: if all of them are missing, or if it is given as a store."""

import pytest
from building import pictures
from trees import run

from datacheck.backends.image_list import ImageListReader

NET = """
layer { name: "data" type: "ImageData" top: "data" top: "label" image_data_param { source: "%s" batch_size: 2 } }
"""
OF_LIST = "pictures that the list names"


def concluded(reader):
    sums = {}
    for shard in reader.layout().shards:
        for block in reader.blocks(shard, limit=2):
            for name, count in block.account.items():
                sums[name] = sums.get(name, 0) + count
    return reader.conclude(sums)


@pytest.mark.parametrize(
    ("names", "there", "said"),
    [
        (
            ["a.jpg", "b.jpg", "c.jpg"],
            [],
            ["none of the 3 pictures that the list names is there; names are taken from "],
        ),
        (["a.jpg"], [], ["the one picture of the list is not there, seen from "]),
        (["a.jpg", "b.jpg", "c.jpg"], ["b.jpg"], []),
        ([], [], []),
    ],
)
def test_a_list_none_of_whose_pictures_is_there_says_so(tmp_path, names, there, said):
    for name in there:
        (tmp_path / name).write_bytes(pictures()[0])
    (tmp_path / "list.txt").write_text("".join(f"{name} 0\n" for name in names))
    found = concluded(ImageListReader(tmp_path / "list.txt", tmp_path))
    assert [(it.code, it.key, it.message) for it in found] == [("missing", None, f"{it}{tmp_path}") for it in said]


def test_a_network_s_list_says_it_too(tmp_path):
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 1\n")
    (tmp_path / "net.prototxt").write_text(NET % "list.txt")
    status, said, _ = run("scan", "--net", tmp_path / "net.prototxt", "--root", tmp_path, "--workers", "1")
    assert status == 1
    assert f"none of the 2 {OF_LIST} is there" in said


def test_a_list_without_a_line_has_no_records(tmp_path):
    (tmp_path / "list.txt").write_text("")
    (tmp_path / "net.prototxt").write_text(NET % "list.txt")
    status, said, _ = run("scan", "--net", tmp_path / "net.prototxt", "--root", tmp_path, "--workers", "1")
    assert status == 1
    assert "there is no record in it" in said
    assert "internal-error" not in said


@pytest.mark.parametrize(
    ("text", "there", "said"),
    [
        ("a.jpg 0\nsub/b.PNG 1\n", [], "none of its pictures is there, the first is a.jpg"),
        ("a.jpg\n", ["a.jpg"], "ImageData layer (--net)\n"),
        ("a.jpg 0\nnotes about it\n", [], "is not an LMDB, LevelDB or HDF5 store\n"),
        ("\n\n", [], "is not an LMDB, LevelDB or HDF5 store\n"),
    ],
)
def test_a_list_that_is_given_as_a_store_is_said_to_be_one(tmp_path, text, there, said):
    for name in there:
        (tmp_path / name).write_bytes(b"picture")
    (tmp_path / "list.txt").write_text(text)
    status, _, complaint = run("scan", tmp_path / "list.txt")
    assert (status, said in complaint) == (2, True), complaint
