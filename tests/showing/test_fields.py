"""Test `show --field PATH`: it shows one field in full, by its path, in any container; `--save` writes it."""

import json
import pickle
import zlib

import h5py
import numpy as np
import pytest
from building import datum, key, pictures, pixels, write_lmdb
from trees import run

from datacheck.showing.fields import find_field


def record(number):
    values = np.random.default_rng(number).normal(size=(5, 3)).astype(np.float32)
    if number == 7:
        values[1, 2], values[4, 0], values[2, 2] = np.nan, np.nan, np.inf
    return {
        "x": values,
        "obs": {"rgb": pictures()[number % 3], "names": ["C", "H", "O"]},
        "caption": f"a dog\n  nothing wrong \x1b[31m {number}",
        "count": 16777217 + number,
        "raw": b"\x00\x01\xff" * 2,
        "nothing": None,
        "words": [f"w{it}" for it in range(150)],
    }


@pytest.fixture
def pickles(tmp_path):
    return write_lmdb(tmp_path / "pickles", {key(it): pickle.dumps(record(it)) for it in range(30)})


def shown(*arguments):
    status, said, complaint = run("show", *arguments)
    assert complaint == ""
    return status, said.splitlines()


def test_each_field_has_a_line_that_says_what_is_in_it(pickles):
    status, lines = shown(pickles, "00000004")
    assert status == 0
    assert lines[1].startswith("  x: array 5x3 float32, min -")
    assert lines[2].startswith("  obs/rgb: JPEG 3x64x64 uint8, min 0")
    assert lines[3:] == [
        '  obs/names: 3 texts: "C", "H", "O"',
        '  caption: text, 29 bytes: "a dog\\n  nothing wrong \\x1b[31m 4"',
        "  count: 16777221",
        "  raw: 6 bytes: 00 01 ff 00 01 ff",
        '  words: 150 texts: "w0", "w1", "w2", ...',
        "  nothing: None",
        "  nothing wrong",
    ]


def test_of_an_array_the_first_values_are_shown_and_what_is_not_finite(pickles):
    status, lines = shown(pickles, "00000007", "--field", "x")
    assert status == 1
    values = [f"{it:.7g}" for it in record(7)["x"].ravel().tolist()]
    assert lines[1].startswith("  x: array 5x3 float32, min -")
    assert lines[2:5] == [
        f"    first values: {', '.join(values)}",
        "    2 of 15 values are NaN, first at [1, 2]",
        "    1 of 15 values is infinite, first at [2, 2]",
    ]
    assert [it.split(":")[0] for it in lines[5:]] == ["  nan (bad)", "  inf (bad)"]


def test_of_a_sound_array_nothing_is_said_to_be_not_finite(pickles):
    _, lines = shown(pickles, "00000004", "--field", "x")
    assert len(lines) == 4
    assert lines[3] == "  nothing wrong"


def test_a_text_cannot_look_like_what_datacheck_says(pickles):
    _, lines = shown(pickles, "00000004", "--field", "caption")
    assert lines[1:] == [
        "  caption: text, 29 bytes",
        "    | a dog",
        "    |   nothing wrong \\x1b[31m 4",
        "  nothing wrong",
    ]


def test_long_lists_of_texts_are_cut(pickles):
    _, lines = shown(pickles, "00000004", "--field", "words")
    assert lines[1:3] == ["  words: 150 texts", "    | w0"]
    assert lines[-3:] == ["    | w99", "    and 50 more texts", "  nothing wrong"]


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("count", "  count: 16777221"),
        ("raw", "    | 00 01 ff 00 01 ff"),
        ("nothing", "  nothing: None"),
        ("obs/names", "    | H"),
        ("names", "    | H"),
        ("rgb", "  obs/rgb: JPEG 3x64x64 uint8"),
    ],
)
def test_a_field_is_named_by_its_path_or_the_last_part_of_it(pickles, field, line):
    _, lines = shown(pickles, "00000004", "--field", field)
    assert any(it.startswith(line) for it in lines)
    assert not any("caption" in it for it in lines)


def test_a_field_that_is_not_there_is_an_error_that_names_those_that_are(pickles):
    status, said, complaint = run("show", pickles, "00000004", "--field", "obs/rbg")
    assert (status, said) == (2, "")
    assert complaint == (
        "datacheck: the record 00000004 has no field 'obs/rbg'; there are x, obs/rgb, obs/names, caption, count, raw, "
        "words, nothing; did you mean 'obs/rgb'?\n"
    )


def test_a_name_that_several_fields_end_in_is_none():
    assert find_field("x", ["a/x", "b/x"]) is None
    assert find_field("x", ["x", "b/x"]) == "x"
    assert find_field("/x", ["x"], {"/x": "x"}) == "x"


def test_of_a_record_that_cannot_be_decoded_it_is_said_why(tmp_path):
    cut = {key(it): pickle.dumps(record(it))[: 900 if it == 3 else None] for it in range(30)}
    write_lmdb(tmp_path / "cut", cut)
    status, lines = shown(tmp_path / "cut", "00000003", "--field", "x")
    assert status == 1
    assert any(it.startswith("  truncated (bad)") for it in lines)
    assert "  the field x cannot be shown: nothing of the record could be decoded" in lines


def test_what_is_saved_is_the_field(pickles, tmp_path):
    def saved(field, name):
        shown(pickles, "00000004", "--field", field, "--save", tmp_path / name)
        return (tmp_path / name).read_bytes()

    assert saved("obs/rgb", "a.jpg") == record(4)["obs"]["rgb"]
    assert saved("caption", "a.txt") == record(4)["caption"].encode()
    assert saved("raw", "a.bin") == record(4)["raw"]
    saved("x", "x.npy")
    assert np.array_equal(np.load(tmp_path / "x.npy"), record(4)["x"])
    saved("rgb", "rgb.npy")
    assert np.load(tmp_path / "rgb.npy").shape == (3, 64, 64)
    saved("count", "count.npy")
    assert np.load(tmp_path / "count.npy") == 16777221


@pytest.mark.parametrize(
    ("field", "name", "said"),
    [
        ("x", "x.txt", "the field x holds an array; name a file that ends in .npy"),
        ("nothing", "n.bin", "the field nothing holds nothing that could be saved"),
        ("caption", "c.npy", "the field caption holds no array; name a file that does not end in .npy"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_is_written(pickles, tmp_path, field, name, said):
    status, _, complaint = run("show", pickles, "00000004", "--field", field, "--save", tmp_path / name)
    assert status == 2
    assert complaint.endswith(f"{said}\n")
    assert not (tmp_path / name).exists()


def test_json_in_a_wrapper(tmp_path):
    made = {"a": {"v": [1.5, 2.5, float("nan")]}, "note": "words"}
    records = {key(it): zlib.compress(json.dumps({**made, "n": it}).encode()) for it in range(30)}
    write_lmdb(tmp_path / "json", records)
    _, lines = shown(tmp_path / "json", "00000004", "--field", "a/v")
    assert lines[2:4] == ["    first values: 1.5, 2.5, nan", "    1 of 3 values is NaN, first at [2]"]
    assert "    | words" in shown(tmp_path / "json", "00000004", "--field", "note")[1]


def test_values_that_are_no_trees_have_fields_too(tmp_path):
    write_lmdb(tmp_path / "datum", {key(it): datum(pixels(it), it % 3) for it in range(30)})
    _, lines = shown(tmp_path / "datum", "00000004", "--field", "data")
    first = ", ".join(map(str, pixels(4).ravel()[:16].tolist()))
    assert lines[2] == f"    first values: {first}, and 176 more"
    words = {b"label-%09d" % it: b"word %d" % it for it in range(30)}
    write_lmdb(tmp_path / "ocr", words | {b"image-%09d" % it: pictures()[it % 3] for it in range(30)})
    assert "    | word 4" in shown(tmp_path / "ocr", "label-000000004", "--field", "label")[1]
    _, lines = shown(tmp_path / "ocr", "image-000000004", "--field", "data")
    assert lines[1].startswith("  data: JPEG 3x64x64 uint8")
    write_lmdb(tmp_path / "raw", {key(it): bytes([200, it, 199, 255, 254, 0]) * 7 for it in range(30)})
    status, lines = shown(tmp_path / "raw", "00000004", "--field", "data")
    assert status == 3
    assert lines[1:3] == ["  data: 42 bytes", f"    | {(bytes([200, 4, 199, 255, 254, 0]) * 7)[:32].hex(' ')}"]


def test_columns_of_a_table(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["data"] = np.arange(20 * 6, dtype=np.float32).reshape(20, 2, 3)
        file["label"] = np.arange(20) % 3
        file.create_dataset("note", data=[f"words {it}" for it in range(20)], dtype=h5py.string_dtype())
    for field in ("data", "/data"):
        _, lines = shown(tmp_path / "t.h5", "/[4]", "--field", field)
        assert lines[2] == "    first values: 24, 25, 26, 27, 28, 29"
    assert "    | words 4" in shown(tmp_path / "t.h5", "/[4]", "--field", "note")[1]
    status, _, complaint = run("show", tmp_path / "t.h5", "/[4]", "--field", "image")
    assert status == 2
    assert "there are data, label, note" in complaint
