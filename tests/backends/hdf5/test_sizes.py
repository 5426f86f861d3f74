"""What is large is read piece by piece, however little of it is stored: memory is bounded, sizes are not."""

import resource

import h5py
import numpy as np
import pytest

from datacheck import scan
from datacheck.backends.hdf5.blocks import BLOCK_BYTES
from datacheck.backends.hdf5.reader import Hdf5Reader
from datacheck.backends.interface import StoreOptions

ROWS, WIDTH = 5 << 20, 256
"""Five gigabytes of float32."""


def never_written(path, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (ROWS, WIDTH), "f4", **how)
        file.create_dataset("label", (ROWS,), "i8")


@pytest.mark.parametrize(
    "how",
    [{}, {"chunks": (4096, WIDTH)}, {"chunks": (4096, WIDTH), "compression": "gzip"}, {"fillvalue": 3}],
    ids=str,
)
def test_five_gigabytes_that_were_never_written_are_read_in_blocks(tmp_path, how):
    never_written(tmp_path / "store.h5", **how)
    assert (tmp_path / "store.h5").stat().st_size < 10_000
    reader = Hdf5Reader.recognise(tmp_path / "store.h5", StoreOptions())
    layout = reader.layout()
    assert ({it.code for it in layout.findings}, layout.records) == ({"unwritten"}, ROWS)
    assert sum(shard.records for shard in layout.shards) == ROWS
    for shard in (layout.shards[0], layout.shards[-1]):
        for block in reader.blocks(shard):
            assert block.columns["data"].nbytes <= BLOCK_BYTES
            assert (block.columns["data"] == how.get("fillvalue", 0)).all()


def test_one_row_in_four_gigabytes_of_compressed_zeros_is_found(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (68, 16 << 20), "f4", chunks=(1, 1 << 20), compression="gzip")
        data[66, 5] = np.nan
    assert path.stat().st_size < 100_000
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    report = scan(path, checks=["finite"], workers=1)
    assert [(it.key, it.code) for it in report.findings] == [(None, "unwritten"), ("/[66]", "nan")]
    assert max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) < 2 << 20, "kilobytes"


def test_what_would_take_hours_is_not_read_and_condemns_nothing(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("bomb", (1 << 45,), "f8", chunks=(1 << 16,), compression="gzip")
        file["g/data"] = np.arange(2)
    report = scan(path, workers=1)
    assert [(it.code, it.verdict, it.field) for it in report.findings] == [("too-large", "unverifiable", "bomb")]
    assert (report.status, report.checked) == (3, 2)
