"""Test that a picture in a file of its own may inflate to no more memory than its bytes could need."""

import io
import zlib
from contextlib import contextmanager

import h5py
import numpy as np
import pytest
from PIL import Image

import datacheck
from datacheck.backends import open_store
from datacheck.backends.hdf5 import file as hdf5_file
from datacheck.model.blocks import Block


def _write(path, *, inflating):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(out, "PNG")
    raw = np.frombuffer(out.getvalue(), np.uint8)
    with h5py.File(path, "w") as file:
        picture = file.create_dataset("image", raw.shape, "u1", chunks=raw.shape, compression="gzip")
        picture[:] = raw
        if inflating:
            picture.id.write_direct_chunk((0,), zlib.compress(raw.tobytes() + bytes(64 << 20), 1))
    return path


def test_a_whole_value_is_read_under_the_bound_of_its_chunks(tmp_path, monkeypatch):
    bounds = []

    @contextmanager
    def noted(size):
        bounds.append(size)
        yield

    reader = open_store(_write(tmp_path / "picture.h5", inflating=False))
    shards = reader.layout().shards
    monkeypatch.setattr(hdf5_file, "at_most", noted)
    (block,) = (block for shard in shards for block in reader.blocks(shard) if isinstance(block, Block))
    assert bounds == [7 * len(block.values[0])]


@pytest.mark.parametrize("inflating", [False, True])
def test_only_a_picture_whose_chunk_inflates_to_more_is_bad(tmp_path, inflating):
    assert datacheck.scan(_write(tmp_path / "picture.h5", inflating=inflating), workers=1).bad == inflating
