"""A file that does not change is copied byte for byte, and each byte of the copy is compared."""

import h5py
import numpy as np
import pytest
from stepping import ended

from datacheck.backends import open_store
from datacheck.backends.copy_plan import Drops, Plan
from datacheck.backends.hdf5.copying.copier import Hdf5Copier
from datacheck.files import past_cache

LAYOUTS = {
    "side by side": {},
    "in chunks as stored": {"chunks": (7, 32), "compression": "gzip", "shuffle": True},
}


@pytest.fixture(params=LAYOUTS)
def copied(request, tmp_path, monkeypatch):
    """Return the copier, its source and plan, and what the copy came to, of a file that takes several pieces."""
    monkeypatch.setattr(past_cache, "PIECE_BYTES", 1 << 14)
    monkeypatch.setattr(past_cache, "LARGE", 1 << 15)
    source = tmp_path / "source.h5"
    values = np.random.default_rng(5).integers(0, 1 << 20, (999, 32)).astype("f4")
    with h5py.File(source, "w") as file:
        file.create_dataset("data", data=values, **LAYOUTS[request.param])
        file["label"] = np.arange(999)
    (tmp_path / "drops").touch()
    copier, reader, plan = Hdf5Copier(), open_store(source), Plan(tmp_path / "copy.h5", Drops(tmp_path / "drops"))
    steps = []
    copying = copier.copy(reader, plan)
    while True:
        try:
            steps.append(next(copying))
        except StopIteration as stop:
            return copier, reader, plan, stop.value, steps


def test_the_copy_has_the_bytes_of_the_source(copied):
    copier, reader, plan, done, steps = copied
    assert plan.target.read_bytes() == reader.path.read_bytes()
    assert ended(copier.verify(reader, plan)) == (done.kept, done.digest) == (999, done.digest)
    assert steps == sorted(steps)
    assert any(0 < it < 999 for it in steps)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.77, 1.0])
def test_a_byte_that_turned_between_copy_and_proof_is_found(copied, share):
    copier, reader, plan, done, _ = copied
    place = int(share * (plan.target.stat().st_size - 1))
    with plan.target.open("r+b") as file:
        file.seek(place)
        was = file.read(1)[0]
        file.seek(place)
        file.write(bytes([was ^ 0x10]))
    assert ended(copier.verify(reader, plan)) != (done.kept, done.digest)
