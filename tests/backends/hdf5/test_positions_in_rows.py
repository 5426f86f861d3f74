"""Positions of masked tokens, as BERT is trained on them, must lie in the text that they are of."""

import h5py
import numpy as np
import pytest

import datacheck

ROWS, WIDTH = 40, 32


def texts(path, places="masked_lm_positions", ids="input_ids", wrong=()):
    rng = np.random.default_rng(0)
    positions = np.zeros((ROWS, 5), "i4")
    for row in range(ROWS):
        positions[row, :4] = np.sort(rng.permutation(WIDTH - 2)[:4]) + 1
    for row in wrong:
        positions[row, 4] = WIDTH
    with h5py.File(path, "w") as file:
        file[ids], file[places] = rng.integers(1, 900, (ROWS, WIDTH)).astype("i4"), positions
        file["input_mask"] = np.ones((ROWS, WIDTH), "i1")
        file["masked_lm_ids"] = np.where(positions, rng.integers(1, 900, positions.shape), 0)
        file["next_sentence_labels"] = np.arange(ROWS) % 2
    return path


def bad(path):
    return [(it.key, it.code, it.field) for it in datacheck.scan(path, workers=1).findings if it.verdict == "bad"]


@pytest.mark.parametrize(("places", "ids"), [("masked_lm_positions", "input_ids"), ("mlm_pos", "token_ids")])
def test_a_position_behind_the_end_of_its_text_is_a_fault_of_the_row(tmp_path, places, ids):
    path = texts(tmp_path / "a.hdf5", places, ids, wrong=[7])
    assert bad(path) == [("/[7]", "dangling", places)]
    datacheck.rebuild(path, tmp_path / "copy.hdf5", drop_bad=True, workers=1)
    with h5py.File(tmp_path / "copy.hdf5") as file:
        assert (len(file[ids]), int(file[places][:].max()) < WIDTH) == (ROWS - 1, True)


@pytest.mark.parametrize(
    "options", [{}, {"wrong": range(0, ROWS, 2)}, {"places": "positions", "wrong": [7]}, {"places": "start_pos"}]
)
def test_positions_in_something_else_may_be_any(tmp_path, options):
    assert bad(texts(tmp_path / "a.hdf5", **options)) == []
