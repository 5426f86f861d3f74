"""Test which arrays of three axes are taken for height x width x channels: only what can hardly be anything else."""

import numpy as np
import pytest
from building import datum, key, write_lmdb

import datacheck
from datacheck.checks.axis_order import rows_agree


def waves(number, shape, lengths=(9, 8, 7)):
    """Return values that are smooth along all three axes, like feature maps or a physical field."""
    at = np.meshgrid(*map(np.arange, shape), indexing="ij")
    draw = np.random.default_rng(number)
    out = np.zeros(shape)
    for _ in range(4):
        phase = sum(draw.uniform(0.5, 1.2) * it / length for it, length in zip(at, lengths, strict=True))
        out += np.sin(phase + draw.uniform(0, 6))
    return out


def photograph(number, shape, colour=0.6):
    """Return a scene of blobs and edges under one light; the share `colour` of it differs between the channels."""
    draw = np.random.default_rng(number)
    height, width, channels = shape
    y, x = np.mgrid[:height, :width]
    light = np.zeros((height, width))
    tint = np.zeros(shape)
    for _ in range(12):
        cy, cx, radius = draw.uniform(0, height), draw.uniform(0, width), draw.uniform(2, max(6, height, width) / 2)
        inside = np.hypot(y - cy, x - cx) < radius
        light += inside * draw.uniform(-1, 1)
        tint += inside[..., None] * draw.uniform(-1, 1, channels)
    scene = light[..., None] + colour * tint + draw.normal(0, 0.05, shape)
    scene = (scene - scene.min()) / (scene.max() - scene.min())
    return (255 * scene).astype(np.uint8)


PICTURES = {
    "of blobs": lambda at: photograph(at, (40, 56, 3)),
    "of blobs, as floats": lambda at: photograph(at, (40, 56, 3)).astype(np.float32),
    "of blobs, normalised": lambda at: (photograph(at, (40, 56, 3), 1.5) / 127.5 - 1).astype(np.float32),
    "pale": lambda at: photograph(at, (32, 32, 3), 0.15),
    "pale, from 0 to 1": lambda at: (photograph(at, (32, 32, 3), 0.15) / 255).astype(np.float32),
    "pale, from -1 to 1": lambda at: (photograph(at, (32, 32, 3), 0.15) / 127.5 - 1).astype(np.float32),
    "of four channels": lambda at: photograph(at, (24, 30, 4)),
    "grey in three channels": lambda at: np.repeat(photograph(at, (32, 40, 1)), 3, axis=2),
    "grey in three channels, normalised": lambda at: np.repeat(photograph(at, (32, 40, 1)) / 255, 3, axis=2),
    "grey": lambda at: photograph(at, (28, 28, 1)),
    "small": lambda at: photograph(at, (10, 12, 3)),
    "large": lambda at: photograph(at, (300, 400, 3)),
}
OTHERS = {
    "smooth along all axes": lambda at: waves(at, (64, 48, 3)),
    "smooth maps of four columns": lambda at: waves(at, (32, 16, 4), (20, 6, 6)),
    "smooth maps, 8 bits": lambda at: (127 + 30 * waves(at, (64, 48, 4), (9, 20, 20))).astype(np.uint8),
    "bands that change slowly": lambda at: waves(at, (120, 24, 3), (60, 6, 5)),
    "steps of joints in space": lambda at: np.cumsum(np.random.default_rng(at).normal(size=(60, 25, 3)), axis=0),
    "features": lambda at: np.random.default_rng(at).normal(size=(64, 64, 3)),
    "features of one channel": lambda at: waves(at, (64, 64, 1)).astype(np.float32),
    "one value": lambda at: np.full((20, 20, 3), at, np.uint8),
    "a value for each row": lambda at: np.broadcast_to(np.arange(20.0)[:, None, None], (20, 20, 3)),
    "a value for each column": lambda at: np.broadcast_to(np.arange(20.0)[None, :, None], (20, 20, 3)),
    "infinite": lambda at: np.full((20, 20, 3), np.inf),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are(name):
    assert sum(rows_agree(PICTURES[name](at)) for at in range(40)) > 30


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_not(name):
    assert sum(rows_agree(OTHERS[name](at)) for at in range(40)) < 10


@pytest.mark.parametrize("name", [*PICTURES, *OTHERS])
def test_a_scan_says_so_of_the_store(tmp_path, name):
    made = (PICTURES | OTHERS)[name]
    values = [made(at) for at in range(30)]
    if not np.isfinite(values).all():
        pytest.skip("what is infinite is bad anyway")
    values = [it if it.dtype == np.uint8 else it.astype(np.float32) for it in values]
    records = {key(at): datum(np.ascontiguousarray(it), at % 3) for at, it in enumerate(values)}
    codes = datacheck.scan(write_lmdb(tmp_path / "env", records), workers=1).counts
    assert ("axis-order" in codes) == (name in PICTURES)


@pytest.mark.parametrize("shape", [(3, 48, 64), (1, 28, 28), (3, 3, 3), (64, 3, 3), (4096, 1, 1), (8, 64, 3)])
def test_shapes_with_channels_first_or_too_small_are_not_looked_at(tmp_path, shape):
    last = photograph(1, (shape[1], shape[2], shape[0]))
    records = {key(at): datum(np.ascontiguousarray(last.transpose(2, 0, 1)), at % 3) for at in range(30)}
    assert "axis-order" not in datacheck.scan(write_lmdb(tmp_path / "env", records), workers=1).counts
