"""Positions of masked tokens are filled up with the length of a text where a text has fewer of them."""

import h5py
import numpy as np
import pytest

import datacheck

ROWS, WIDTH = 40, 32


def texts(path, last, ids=None, name="masked_lm_ids", filling=7):
    """Write positions of five masked tokens in each text, of which the last ones of row 7 are `last`."""
    rng = np.random.default_rng(0)
    positions = np.stack([np.sort(rng.permutation(WIDTH)[:5]) for _ in range(ROWS)]).astype("i4")
    positions[7, 5 - len(last) :] = last
    inputs = rng.integers(5, 900, (ROWS, WIDTH)).astype("i4")
    inputs[:, -1] = filling
    with h5py.File(path, "w") as file:
        file["input_ids"], file["masked_lm_positions"] = inputs, positions
        if ids is not None:
            file[name] = rng.integers(8, 900, positions.shape).astype(np.asarray(ids).dtype)
            file[name][7, 5 - len(ids) :] = ids
    return [(it.code, it.verdict) for it in datacheck.scan(path, workers=1).findings]


@pytest.mark.parametrize(
    "options",
    [
        {"last": [WIDTH, WIDTH]},
        {"last": [WIDTH], "ids": [0]},
        {"last": [WIDTH], "ids": [-100], "name": "mlm_labels"},
        {"last": [WIDTH], "ids": [0.0], "name": "masked_lm_weights"},
        {"last": [WIDTH], "ids": [1]},
        {"last": [WIDTH], "ids": [50256], "filling": 50256},
    ],
    ids=str,
)
def test_the_length_of_a_text_fills_up_its_positions(tmp_path, options):
    assert texts(tmp_path / "a.hdf5", **options) == []


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"last": [WIDTH], "ids": [77]}, "bad"),
        ({"last": [WIDTH], "ids": [1.0], "name": "masked_lm_weights"}, "bad"),
        ({"last": [WIDTH]}, "suspicious"),
        ({"last": [WIDTH + 1]}, "bad"),
        ({"last": [WIDTH, 9]}, "bad"),
        ({"last": [WIDTH + 1, WIDTH]}, "bad"),
    ],
    ids=str,
)
def test_a_position_of_a_token_is_a_fault(tmp_path, options, verdict):
    assert texts(tmp_path / "a.hdf5", **options) == [("dangling", verdict)]
