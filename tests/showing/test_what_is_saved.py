"""Test `show --save`: pictures of any size, the picture among the fields of a row, and a folder that does not exist."""

import io

import h5py
import numpy as np
import pytest
from building import datum, key, raw_records, write_lmdb
from click.testing import CliRunner
from PIL import Image

from datacheck.cli.entry import cli


def run(*args):
    return CliRunner().invoke(cli, ["show", *map(str, args)], standalone_mode=False)


def jpeg(width, height):
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize("size", [(1, 65500), (65500, 1), (40, 30)])
def test_a_picture_of_any_size_becomes_a_png(tmp_path, size):
    shape = (3, size[1], size[0])
    records = {key(at): datum(jpeg(*size), 1, shape=shape, encoded=True) for at in range(20)}
    done = run(write_lmdb(tmp_path / "env", records), key(3).decode(), "--save", tmp_path / "a.png")
    assert (done.exception, done.return_value) == (None, 0)
    with Image.open(tmp_path / "a.png") as made:
        assert made.size == size


def test_the_picture_of_a_row_is_saved_and_not_its_first_field(tmp_path):
    random = np.random.default_rng(1)
    pixels = random.integers(0, 255, (30, 3, 16, 12), dtype=np.uint8)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["boxes"] = random.random((30, 4))
        file["data"] = pixels
        file["label"] = np.arange(30) % 3
    done = run(tmp_path / "x.h5", "/[4]", "--save", tmp_path / "a.png")
    assert (done.exception, done.return_value) == (None, 0)
    with Image.open(tmp_path / "a.png") as made:
        assert np.array_equal(np.asarray(made), pixels[4].transpose(1, 2, 0))
    assert run(tmp_path / "x.h5", "/[4]", "--save", tmp_path / "a.npy").return_value == 0
    assert np.array_equal(np.load(tmp_path / "a.npy"), pixels[4])


def test_where_no_field_is_a_picture_the_first_is_saved(tmp_path):
    boxes = np.random.default_rng(1).random((30, 4))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["boxes"], file["points"] = boxes, np.ones((30, 50, 2))
    assert run(tmp_path / "x.h5", "/[4]", "--save", tmp_path / "a.npy").return_value == 0
    assert np.array_equal(np.load(tmp_path / "a.npy"), boxes[4])


def test_a_file_in_the_place_of_the_folder_is_said_to_be_one(tmp_path):
    store = write_lmdb(tmp_path / "env", raw_records(20))
    (tmp_path / "one.png").write_bytes(b"mine")
    done = run(store, key(1).decode(), key(2).decode(), "--save", tmp_path / "one.png")
    assert "one.png: is a file, and several records are saved into a folder" in str(done.exception or done.stderr)
    assert (tmp_path / "one.png").read_bytes() == b"mine"
