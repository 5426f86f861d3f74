"""A simulation with a group for each frame, which holds encoded pictures and small tables, as Physion writes it."""

import io

import h5py
import numpy as np
from PIL import Image

import datacheck


def test_many_tables_beside_pictures_are_no_databases(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (8, 8, 3), "u1")).save(octets := io.BytesIO(), "PNG")
    for at in range(1):
        with h5py.File(tmp_path / f"pilot_{at:04}.hdf5", "w") as file:
            for frame in range(40):
                group = file.create_group(f"frames/{frame:04}")
                group["images/_img"] = np.frombuffer(octets.getvalue(), "u1")
                group["objects/positions"], group["camera/matrix"] = rng.normal(size=(3, 3)), rng.normal(size=16)
    report = datacheck.scan(tmp_path, workers=1)
    assert (report.status, list(report.findings)) == (0, [])
